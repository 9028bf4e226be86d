"""The operator's benchmark runs, in small, on a real API server and S3 server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clusters import control_plane, minio
from tests.clusters.tools import missing

TOOLS = (*control_plane.TOOLS, *minio.TOOLS)


@pytest.mark.slow
@pytest.mark.skipif(
    bool(missing(TOOLS)) and not os.environ.get("CI"), reason="programs of a cluster are missing: make cluster-tools"
)
def test_it_measures_start_memory_and_latency_and_names_their_targets() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.operator_scale", "--smoke"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("target under") == 3
