"""The condition `Progressing`: no progress for longer than the deadline, and errors of the operator itself."""

from pathlib import Path

import pytest

from tests.unit.operator.federation import TRAINING, Federation


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    return Federation(tmp_path / "ledger", monkeypatch)


def test_a_training_that_makes_no_progress_for_longer_than_its_deadline_says_so(federation: Federation) -> None:
    federation.apply(rounds={"count": 2, "deadline": "1h", "minParticipants": 4})
    federation.settle()
    assert federation.condition("Progressing")["status"] == "True"
    memory = federation.state.memories[TRAINING]
    federation.time.now += 1800
    federation.reconcile()
    assert memory.progress.age(federation.time.now) == 1800
    federation.deliver_adapter()
    memory.facts = None
    federation.reconcile()
    assert federation.status["phase"] == "Preflight"
    assert memory.progress.age(federation.time.now) == 0


def test_past_the_deadline_the_condition_and_a_warning_say_since_when_and_end_with_the_next_progress(
    federation: Federation,
) -> None:
    """The clock of the round stops while the store does not answer, the one of progress does not."""
    federation.apply(rounds={"count": 2, "deadline": "1h", "minParticipants": 4})
    federation.settle()
    since = federation.time.now
    federation.time.now = since + 3600
    federation.reconcile()
    assert federation.condition("Progressing")["status"] == "True", "not before the deadline"
    federation.time.now += 1
    federation.reconcile()
    condition = federation.condition("Progressing")
    words = "no progress since 1970-01-01T00:16:40Z, for longer than `rounds.deadline`. "
    words += "Read the other conditions, and the log of the coordinator"
    assert since == 1000
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "NoProgress", words)
    assert ("NoProgress", words) in federation.warnings()
    federation.deliver_adapter()
    federation.state.memories[TRAINING].facts = None
    federation.settle(2)
    condition = federation.condition("Progressing")
    assert (condition["status"], condition["reason"]) == ("True", "Progressing")


def test_an_unexpected_error_of_a_pass_is_in_the_status_once_and_the_pass_is_repeated(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation.apply()
    federation.settle()
    phase = federation.status["phase"]

    def broken(*_: object) -> None:
        raise KeyError("a value that must not be shown")

    with monkeypatch.context() as patched:
        patched.setattr("fedtrain_operator.coordinator.reconcile.decide", broken)
        for _ in range(3):
            with pytest.raises(KeyError):  # the loop repeats it with growing pauses
                federation.reconcile()
    condition = federation.condition("Progressing")
    words = "no progress since 1970-01-01T00:16:40Z: KeyError in the operator. Read the log of the coordinator"
    assert (condition["status"], condition["reason"]) == ("False", "InternalError")
    assert condition["message"] == words
    assert federation.status["phase"] == phase
    assert [reason for reason, _ in federation.warnings()].count("InternalError") == 1
    federation.reconcile()
    assert federation.condition("Progressing")["status"] == "True"
    assert "KeyError" not in federation.status["message"]
