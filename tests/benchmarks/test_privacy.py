"""The benchmarks that train with the gradients of single rows, in small."""

from pathlib import Path

import pytest

from tests.support.small_benchmarks import lay_out_benchmarks, run_benchmark


@pytest.mark.parametrize("benchmark", ["example_privacy.py", "privacy_modes.py"])
def test_a_benchmark_of_privacy_runs_and_names_its_target(benchmark: str, tmp_path: Path, zygote: str) -> None:
    run_benchmark(benchmark, lay_out_benchmarks(tmp_path), zygote)
