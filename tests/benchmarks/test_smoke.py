"""Every benchmark runs, in small. What they measure is for people to read, on a machine that does nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_HERE = {"__init__.py", "first_pod.py", "operator_scale.py", "operator_writes.py"}
"""The first is no benchmark, the second needs pods; the others have separate tests."""
BENCHMARKS = [path.name for path in sorted((ROOT / "benchmarks").glob("*.py")) if path.name not in NOT_HERE]
ROWS = 100


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmarks, beside a quickstart with some rows of each of its files."""
    root = tmp_path_factory.mktemp("small")
    (root / "benchmarks").symlink_to(ROOT / "benchmarks")
    quickstart, less = ROOT / "examples/quickstart", root / "examples/quickstart"
    (less / "data").mkdir(parents=True)
    for name in ("base", "federation.yaml"):
        (less / name).symlink_to(quickstart / name)
    (root / "examples/private").mkdir()
    (root / "examples/private/federation.yaml").symlink_to(ROOT / "examples/private/federation.yaml")
    for file in (quickstart / "data").glob("*.jsonl"):
        lines = file.read_text().splitlines(keepends=True)[:ROWS]
        (less / "data" / file.name).write_text("".join(lines))
    return root


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda name: name.removesuffix(".py"))
def test_a_benchmark_runs_and_names_its_target(benchmark: str, small: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(small / "benchmarks" / benchmark), "--smoke"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # more would wait for each other, spinning, beside other tests
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "target" in done.stdout
    if benchmark == "trainer_throughput.py":
        assert done.stdout.count("(target: at least 0.97)") == 2
