"""Every benchmark runs, in small. What they measure is for people to read, on a machine that does nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

ON_CLUSTERS = {"first_pod.py", "operator_scale.py", "operator_writes.py"}
"""The first needs pods; the others have tests of their own."""
BENCHMARKS = [
    path for path in sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py")) if path.name not in ON_CLUSTERS
]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda file: file.stem)
def test_a_benchmark_runs_and_names_its_target(benchmark: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(benchmark), "--smoke"], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "target" in done.stdout
