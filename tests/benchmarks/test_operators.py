"""The operator's benchmarks run, in small, on a real API server and S3 server."""

import subprocess
import sys
from pathlib import Path


def smoke(benchmark: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", "--smoke"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_start_memory_and_latency_are_measured_beside_their_targets() -> None:
    assert smoke("operator_scale").count("target under") == 3


def test_writes_are_counted_beside_their_target() -> None:
    assert "target at most 8" in smoke("operator_writes")


def test_the_cost_of_idle_participants_is_measured_beside_its_targets() -> None:
    assert smoke("participant_scale").count("target at most") == 3


def test_the_time_until_a_revoked_participant_is_refused_is_measured_beside_its_target() -> None:
    assert smoke("revocation").count("target at most 60 s") == 3
