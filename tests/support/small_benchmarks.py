"""The benchmarks, run in small."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = 100


def lay_out_benchmarks(root: Path) -> Path:
    """Put the benchmarks into `root`, beside a quickstart with some rows of each of its files."""
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


def run_benchmark(name: str, root: Path) -> str:
    """Return what the benchmark prints. It must succeed and name a target."""
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks" / name), "--smoke"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # more would wait for each other, spinning, beside other tests
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "target" in done.stdout
    return done.stdout
