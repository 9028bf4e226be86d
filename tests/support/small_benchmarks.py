"""The benchmarks, run in small."""

import json
import os
import time
from pathlib import Path

from tests.support.zygote import Forked, fork

ROOT = Path(__file__).parents[2]
ROWS = 40


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


def run_benchmark(name: str, root: Path, zygote: str) -> str:
    """Return what the benchmark prints. It must succeed and name a target."""
    log, code = root / f"{name}.log", root / f"{name}.code"
    settings = {
        "FEDTRAIN_TEST_ARGV": json.dumps(["tests.support.forked_benchmark", str(root / "benchmarks" / name), zygote]),
        "FEDTRAIN_TEST_LOG": str(log),
        "FEDTRAIN_TEST_EXIT": str(code),
    }
    process, until = Forked(fork(zygote, {**os.environ, **settings})), time.monotonic() + 600
    while process.alive():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.02)
    printed = log.read_text()
    assert code.read_text() == "0", printed
    assert "target" in printed
    return printed
