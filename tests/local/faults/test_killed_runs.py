"""A process is killed at a write of the ledger: the same command resumes, and the result does not change."""

from pathlib import Path

import pytest
from federation import Ran, Small

from fedtrain.contracts import names
from fedtrain.contracts.records import Close
from fedtrain.ledger.verify import verify

WRITES = [
    r"run\.json$",
    r"preflight/zoo\.json$",
    r"rounds/0000/initial\.json$",
    r"rounds/0000/evaluation-0\.json$",
    r"rounds/0000/manifest\.json$",
    r"rounds/0001/plan\.json$",
    r"rounds/0001/updates/zoo/\d/(?!record).*$",
    r"rounds/0001/updates/museum/\d/record\.json$",
    r"rounds/0001/close-1\.json$",
    r"rounds/0001/aggregate-1\.json$",
    r"blobs/",
    r"rounds/0001/evaluation-1\.json$",
    r"rounds/0001/manifest\.json$",
    r"rounds/0002/plan\.json$",
    r"rounds/0002/manifest\.json$",
    r"rounds/0002/measurements/zoo\.json$",
    r"end\.json$",
]
CORRUPT = r"corrupt:rounds/0001/updates/zoo/1/(?!record)"
ONE_IS_ENOUGH = {"rounds": {"minParticipants": 1}}


@pytest.mark.parametrize("writes", [WRITES[start : start + 4] for start in range(0, len(WRITES), 4)], ids="+".join)
def test_a_run_killed_before_and_after_its_writes_ends_as_if_undisturbed(
    writes: list[str], zygote: str, undisturbed: Small, tmp_path: Path
) -> None:
    """Several writes in one run, for most of the time goes into training."""
    small, killed = Small(tmp_path / "run"), tmp_path / "killed"
    kills = [f"{when}:{write}" for write in writes for when in ("before", "after")]

    def run() -> Ran:
        return small.run(zygote, FEDTRAIN_TEST_KILL=" ".join(kills), FEDTRAIN_TEST_KILLED=str(killed))

    runs = [run()]
    while runs[-1].returncode == 137 and len(runs) <= len(kills):  # the runner was killed; a worker's death it survives
        runs.append(run())
    assert runs[-1].returncode == 0, runs[-1].said
    missed = [kill for number, kill in enumerate(kills) if not Path(f"{killed}.{number}").exists()]
    assert not missed, [run.said for run in runs]
    assert small.digests() == undisturbed.digests()
    assert verify(small.ledger).sound


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_a_grant_resumes_with_the_granted_attempt(
    when: str, zygote: str, undisturbed: Small, tmp_path: Path
) -> None:
    small = Small(tmp_path / "run")
    faults = rf"broken:rounds/0001/updates/zoo/1/ {when}:rounds/0001/attempts/zoo-2\.json$"
    assert small.run(zygote, FEDTRAIN_TEST_KILL=faults, FEDTRAIN_TEST_KILLED=str(tmp_path / "killed")).returncode == 137
    assert small.run(zygote).returncode == 0
    assert small.digests() == undisturbed.digests()


@pytest.fixture(scope="module")
def quarantined(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A run with an update that is corrupt; nothing is killed."""
    folder = tmp_path_factory.mktemp("quarantined")
    small = Small(folder / "run", ONE_IS_ENOUGH)
    done = small.run(zygote, FEDTRAIN_TEST_KILL=CORRUPT, FEDTRAIN_TEST_KILLED=str(folder / "killed"))
    assert done.returncode == 0, done.said
    return small


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_a_quarantine_ends_with_the_same_updates(
    when: str, zygote: str, quarantined: Small, tmp_path: Path
) -> None:
    small = Small(tmp_path / "run", ONE_IS_ENOUGH)
    faults = rf"{CORRUPT} {when}:rounds/0001/close-2\.json$"
    small.run(zygote, FEDTRAIN_TEST_KILL=faults, FEDTRAIN_TEST_KILLED=str(tmp_path / "killed"))
    assert Path(f"{tmp_path}/killed.1").exists()
    assert small.run(zygote).returncode == 0
    close = small.ledger.read(names.close(1, 2), Close)
    assert close is not None
    assert [(bad.participant, bad.attempt) for bad in close.quarantined] == [("zoo", 1)]
    assert small.digests() == quarantined.digests()
