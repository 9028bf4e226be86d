"""A participant whose worker hangs, diverges or fails costs the run no more than it must."""

from pathlib import Path

import pytest
from federation import Small

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Grant
from fedtrain.contracts.run_end import Failure
from fedtrain.ledger.verify import verify


@pytest.fixture
def killed(tmp_path: Path) -> str:
    return str(tmp_path / "killed")


@pytest.mark.slow
def test_a_participant_that_hangs_is_left_out_at_the_deadline_and_asked_again(
    zygote: str, tmp_path: Path, killed: str
) -> None:
    small = Small(tmp_path / "run", {"rounds": {"deadline": "12s", "minParticipants": 1}})
    fault = r"hang:rounds/0001/updates/zoo/1/record\.json$"
    done = small.run(zygote, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed)
    assert done.returncode == 0, done.said
    first, second = small.manifests()[1:]
    assert [(who.participant, who.reason) for who in first.absent] == [
        ("zoo", "it sent no update before the deadline of 12s")
    ]
    assert second.absent == ()


def test_a_participant_that_diverges_is_refused_with_the_step_and_the_others_continue(
    zygote: str, tmp_path: Path
) -> None:
    wild = [{"name": "zoo", "training": {"learningRate": 1e30}}, {"name": "museum"}]
    changes = {"training": {"optimizer": "SGD"}, "participants": wild, "rounds": {"minParticipants": 1}}
    small = Small(tmp_path / "run", changes)
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    (absent,) = small.manifests()[1].absent
    assert absent.participant == "zoo"
    assert "step" in absent.reason


def test_an_error_of_the_disk_costs_one_attempt(zygote: str, undisturbed: Small, tmp_path: Path, killed: str) -> None:
    small = Small(tmp_path / "run")
    done = small.run(zygote, FEDTRAIN_TEST_KILL=r"broken:rounds/0001/updates/zoo/1/", FEDTRAIN_TEST_KILLED=killed)
    assert done.returncode == 0, done.said
    grant = small.ledger.read(names.grant(1, "zoo", 2), Grant)
    assert grant is not None
    assert "Input/output error" in grant.reason
    close = small.ledger.read(names.close(1, 1), Close)
    assert close is not None
    assert [(update.participant, update.attempt) for update in close.updates] == [("zoo", 2), ("museum", 1)]
    assert small.digests() == undisturbed.digests()


def test_a_run_that_failed_in_round_0_continues_with_corrected_data_and_file(
    zygote: str, undisturbed: Small, tmp_path: Path
) -> None:
    small = Small(tmp_path / "run", {"model": {"adapter": {"rank": 4, "alpha": 4}}})
    data = small.folder / "zoo.jsonl"
    data.write_text(data.read_text() * 42 + "{not json}\n")  # a row beyond those that are checked before workers start
    failed = small.run(zygote)
    assert failed.returncode == 1, failed.said
    failure = small.ledger.read(names.failure(1), Failure)
    assert failure is not None
    assert "zoo.jsonl:1009" in failure.message
    assert small.manifests() == []
    corrected = Small(tmp_path / "run")
    done = corrected.run(zygote)
    assert done.returncode == 0, done.said
    assert corrected.digests() == undisturbed.digests()
    assert verify(corrected.ledger).sound


def test_no_run_begins_without_the_data_of_a_participant(zygote: str, tmp_path: Path) -> None:
    small = Small(tmp_path / "run", {"rounds": {"minParticipants": 1}})
    data = small.folder / "zoo.jsonl"
    data.write_text(data.read_text() * 42 + "{not json}\n")
    failed = small.run(zygote)
    assert failed.returncode == 1, failed.said
    assert "zoo.jsonl:1009:2: not valid JSON" in failed.said
    assert (small.manifests(), small.ledger.read(names.failure(1), Failure)) == ([], None)
