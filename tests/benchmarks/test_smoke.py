"""Every benchmark runs, in small. What they measure is for people to read, on a machine that does nothing else."""

from pathlib import Path

import pytest

from tests.support.small_benchmarks import ROOT, lay_out_benchmarks, run_benchmark

OPERATORS = {"operator_scale.py", "operator_writes.py", "participant_scale.py", "revocation.py"}
NOT_HERE = {"__init__.py", "first_pod.py", "joining.py", "example_privacy.py", "privacy_modes.py"} | OPERATORS
"""Files that are not benchmarks, that need pods, or that other tests of this folder run."""
BENCHMARKS = [path.name for path in sorted((ROOT / "benchmarks").glob("*.py")) if path.name not in NOT_HERE]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out_benchmarks(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda name: name.removesuffix(".py"))
def test_a_benchmark_runs_and_names_its_target(benchmark: str, small: Path, zygote: str) -> None:
    printed = run_benchmark(benchmark, small, zygote)
    if benchmark == "trainer_throughput.py":
        assert printed.count("(target: at least 0.97)") == 2
    if benchmark == "choosing_rounds.py":
        page = (ROOT / "docs/choosing-rounds.md").read_text(encoding="utf-8")
        tables = [line for line in printed.splitlines() if line.startswith(("| rounds |", "| learning rate |"))]
        assert [f"\n{line}\n" in page for line in tables] == [True, True], "its tables are those of the page"
