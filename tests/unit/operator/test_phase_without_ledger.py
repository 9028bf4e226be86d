"""The phase of a training whose ledger cannot be opened is that of its last decision, also after a restart."""

from pathlib import Path

import pytest
from fedtrain_operator.coordinator.condition_metrics import ConditionMetrics

from fedtrain.manifests.kinds import Json
from tests.unit.operator.federation import FOUR, TRAINING, Federation

REFUSED: Json = {"phase": "Refused", "reason": "PolicyRefused", "message": "policy (limits.gpus) refuses the task"}
SECRET = ("secrets", TRAINING.namespace, "bucket-keys")


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    made = Federation(tmp_path / "ledger", monkeypatch)
    made.apply(rounds={"count": 2, "minParticipants": 4})
    return made


def restart_without_secret(federation: Federation) -> Json:
    """What it removes is returned."""
    secret = federation.server.objects.pop(SECRET)
    federation.restart()
    federation.settle(2)
    assert federation.condition("StoreReachable")["status"] == "False"
    return secret


def test_a_failed_training_stays_failed_and_its_failure_is_reported_once(federation: Federation) -> None:
    federation.settle()
    (task,) = [one for one in federation.server.all("trainingtasks") if "-inspect-bank-b-" in one["metadata"]["name"]]
    federation.state.tasks.put(federation.server.add("trainingtasks", {**task, "status": REFUSED}))
    federation.settle()
    secret = restart_without_secret(federation)
    assert federation.status["phase"] == "Failed"
    federation.server.add("secrets", secret)
    federation.settle(2)
    assert federation.status["phase"] == "Failed"
    assert federation.condition("StoreReachable")["status"] == "True"
    assert [one["reason"] for one in federation.server.all("events")].count("Failed") == 1


def test_a_training_in_round_1_stays_in_training(federation: Federation) -> None:
    federation.settle()
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.state.memories[TRAINING].facts = None
    federation.settle()
    assert (federation.status["phase"], federation.status["round"]) == ("Training", 1)
    restart_without_secret(federation)
    assert (federation.status["phase"], federation.status["round"]) == ("Training", 1)


@pytest.mark.parametrize(("phase", "expected"), [("Succeeded", 0), ("Training", 1)])
def test_the_metric_of_conditions_counts_no_run_that_has_succeeded(
    federation: Federation, phase: str, expected: int
) -> None:
    federation.settle()
    federation.state.trainings.put(
        federation.server.add(
            "federatedtrainings",
            {**federation.training, "status": {**federation.status, "phase": phase, "round": 2}},
        )
    )
    restart_without_secret(federation)
    assert federation.status["phase"] == phase
    metrics = ConditionMetrics(federation.state.trainings, federation.state.heartbeats)
    values = {
        sample.labels["condition"]: sample.value
        for metric in metrics.collect()
        for sample in metric.samples
        if "condition" in sample.labels
    }
    assert values["StoreReachable"] == expected


def test_a_training_that_has_not_begun_is_pending(federation: Federation) -> None:
    del federation.server.objects[SECRET]
    federation.settle(2)
    assert federation.status["phase"] == "Pending"
