"""A request to resume a failed run stays until a pass that could read the ledger has counted the failures."""

from pathlib import Path

import pytest
from fedtrain_operator.coordinator.status import RESUME
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.manifests.kinds import Json
from tests.unit.operator.federation import TRAINING, Federation

REFUSED: Json = {"phase": "Refused", "reason": "PolicyRefused", "message": "policy (limits.gpus) refuses the task"}


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    """One whose run has failed, and whose user asks to resume it."""
    made = Federation(tmp_path / "ledger", monkeypatch)
    made.apply(rounds={"count": 2, "minParticipants": 4})
    made.settle()
    (task,) = [one for one in made.server.all("trainingtasks") if "-inspect-bank-b-" in one["metadata"]["name"]]
    made.state.tasks.put(made.server.add("trainingtasks", {**task, "status": REFUSED}))
    made.settle()
    assert (made.status["phase"], made.status["acknowledged"]) == ("Failed", 0)
    asked = {**made.training["metadata"], "annotations": {RESUME: "true"}}
    made.state.trainings.put(made.server.add("federatedtrainings", {**made.training, "metadata": asked}))
    return made


def asks(federation: Federation) -> bool:
    return RESUME in federation.training["metadata"].get("annotations", {})


def check_that_it_resumes(federation: Federation) -> None:
    """The failure is counted as one to resume from; nothing was corrected, so that the run fails again."""
    assert asks(federation)
    assert federation.status["acknowledged"] == 0
    federation.settle()
    assert not asks(federation)
    assert federation.status["acknowledged"] == 1


def test_a_request_to_resume_is_noted_and_removed(federation: Federation) -> None:
    check_that_it_resumes(federation)


def test_a_request_to_resume_outlasts_a_missing_secret(federation: Federation) -> None:
    secret = federation.server.objects.pop(("secrets", TRAINING.namespace, "bucket-keys"))
    federation.restart()
    federation.settle(2)
    assert federation.condition("StoreReachable")["status"] == "False"
    federation.server.add("secrets", secret)
    check_that_it_resumes(federation)


def test_a_request_to_resume_outlasts_a_refused_read(federation: Federation) -> None:
    federation.restart()
    federation.server.fault = lambda one: ApiError(500, "InternalError", "busy") if one.kind == "secrets" else None
    federation.settle(2)
    assert federation.condition("Progressing")["reason"] == "Blocked"
    federation.server.fault = lambda _: None
    check_that_it_resumes(federation)


def test_a_request_to_resume_outlasts_an_error_of_the_operator(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError

    with monkeypatch.context() as patched:
        patched.setattr("fedtrain_operator.coordinator.reconcile.decide", broken)
        for _ in range(2):
            with pytest.raises(KeyError):
                federation.reconcile()
    check_that_it_resumes(federation)
