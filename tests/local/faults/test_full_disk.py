"""The disk fills up during a run: one message, and the same command continues once there is space."""

import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from federation import Ran, Small

from fedtrain.ledger.verify import verify

WRITES = [
    r"run\.json$",
    r"preflight/zoo\.json$",
    r"blobs/",
    r"rounds/0000/evaluation-0\.json$",
    r"rounds/0000/manifest\.json$",
    r"rounds/0001/plan\.json$",
    r"rounds/0001/updates/zoo/1/(?!record).*$",
    r"rounds/0001/updates/zoo/1/record\.json$",
    r"rounds/0001/close-1\.json$",
    r"rounds/0001/aggregate-1\.json$",
    r"rounds/0001/manifest\.json$",
    r"rounds/0002/measurements/zoo\.json$",
    r"end\.json$",
]
STEP_KIB = 96


def explained(ran: Ran, small: Small) -> None:
    """Check that the output ends with one error and the command that continues."""
    assert ran.returncode == 1, ran.said
    assert "Traceback" not in ran.said, ran.said
    error, hint = ran.said.splitlines()[-2:]
    assert error.startswith("error: "), ran.said
    assert "No space left on device" in error
    assert hint == f"hint: Fix the cause and run `fedtrain run {small.file}` again; recorded rounds are kept.", ran.said
    assert ran.said.count("error: ") == 1, ran.said


def test_a_disk_that_is_full_at_any_write_stops_the_run_until_there_is_space(
    zygote: str, undisturbed: Small, tmp_path: Path
) -> None:
    small = Small(tmp_path / "run")
    for number, write in enumerate(WRITES):
        killed = tmp_path / f"full-{number}"
        done = small.run(zygote, FEDTRAIN_TEST_KILL=f"full:{write}", FEDTRAIN_TEST_KILLED=str(killed))
        assert Path(f"{killed}.0").exists(), f"nothing wrote {write}: {done.said}"
        explained(done, small)
        assert "The disk of the ledger is full: " in done.said.splitlines()[-2]
    assert small.run(zygote).returncode == 0
    assert small.digests() == undisturbed.digests()
    assert not small.ledger.names("failures/")
    assert verify(small.ledger).sound


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    folder = tmp_path / "run" / "runs"
    folder.mkdir(parents=True)
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder]).returncode:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_run_on_a_disk_that_is_too_small_continues_whenever_it_grows(
    zygote: str, undisturbed: Small, tmp_path: Path, small_disk: Path
) -> None:
    small = Small(tmp_path / "run")
    for size in range(16, 100 * STEP_KIB, STEP_KIB):
        subprocess.run(["mount", "-o", f"remount,size={size}k", small_disk], check=True)
        done = small.run(zygote)
        if done.returncode == 0:
            break
        explained(done, small)
    assert small.digests() == undisturbed.digests()
    assert verify(small.ledger).sound
