"""What may change of an object that is there, and who may change it."""

import copy
import re
from typing import Any

import pytest

from fedtrain.contracts.tasks import Task
from hack.cluster.control_plane import ControlPlane
from tests.controlplane.objects import Objects, Refused
from tests.support.tasks import task_of, train_work

TRAINING: dict[str, Any] = {
    "apiVersion": "fedtrain.dev/v1alpha1",
    "kind": "FederatedTraining",
    "metadata": {"name": "answers"},
    "spec": {
        "model": {"base": "/models/base"},
        "data": {"dataset": "tickets", "format": "Text"},
        "participants": [{"name": "bank-a"}, {"name": "bank-b"}],
        "rounds": {"count": 3},
        "training": {"length": {"type": "Steps", "steps": 5}},
        "storage": {"type": "S3", "s3": {"bucket": "runs"}},
    },
}
ORDER = task_of(train_work())
TASK: dict[str, Any] = {
    "apiVersion": "fedtrain.dev/v1alpha1",
    "kind": "TrainingTask",
    "metadata": {"name": "answers-1-train-bank-a-1"},
    "spec": {
        "task": ORDER.model_dump(mode="json", by_alias=True, exclude_none=True),
        "storage": {"type": "S3", "s3": {"bucket": "runs"}},
        "timeout": "2h",
    },
}
CHANGES: dict[str, dict[str, Any]] = {
    # field: a change of it
    "model": {"model": {"adapter": {"rank": 4}}},
    "data": {"data": {"maxLength": 64}},
    "participants": {"participants": [{"name": "bank-a"}]},
    "rounds.count": {"rounds": {"count": 4}},
    "rounds.minParticipants": {"rounds": {"minParticipants": 1}},
    "rounds.retries": {"rounds": {"retries": 0}},
    "rounds.belowMinimum": {"rounds": {"belowMinimum": "Skip"}},
    "rounds.earlyStopping": {
        "rounds": {"earlyStopping": {"metric": "loss"}},
        "evaluation": {"hub": {"data": {"uri": "s3://runs/test.jsonl"}}},
    },
    "training": {"training": {"learningRate": 0.5}},
    "partitioning": {"partitioning": {"strategy": "MaxDataVolume"}},
    "aggregation": {"aggregation": {"strategy": "FedAdam"}},
    "evaluation": {"evaluation": {"every": 2}},
    "storage.s3": {"storage": {"s3": {"bucket": "others"}}},
}


@pytest.fixture
def objects(kinds: ControlPlane, namespace: str) -> Objects:
    return Objects(kinds.client, namespace)


@pytest.fixture
def training(objects: Objects) -> dict[str, Any]:
    """One that has not begun."""
    return objects.create(TRAINING)


@pytest.fixture
def begun(objects: Objects, training: dict[str, Any]) -> dict[str, Any]:
    return objects.patch_status("FederatedTraining", "answers", {"phase": "Training", "round": 1})


@pytest.fixture
def task(objects: Objects) -> dict[str, Any]:
    return objects.create(TASK)


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.usefixtures("begun")
def test_what_decides_over_a_run_may_not_change_in_it(objects: Objects, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        objects.patch("FederatedTraining", "answers", {"spec": CHANGES[field]}, dry=True)
    (cause,) = [cause for cause in refusal.value.causes if cause.field == "spec"]
    _, changed, advice = re.split(r"These fields are immutable once the run has begun: |\. ", cause.message)
    assert f"spec.{field}" in changed.split()
    assert advice == "Revert them, or start a new run with another `metadata.name`."


@pytest.mark.parametrize(
    "status",
    [{"phase": "Pending", "message": "no such Participant"}, {"phase": "Initialising", "round": 0}],
    ids=lambda status: status["phase"],
)
@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.usefixtures("training")
def test_every_field_may_change_before_a_run_has_begun(objects: Objects, field: str, status: dict[str, Any]) -> None:
    objects.patch_status("FederatedTraining", "answers", status)
    assert objects.patch("FederatedTraining", "answers", {"spec": CHANGES[field]})["metadata"]["generation"] == 2


def test_participants_may_not_change_places(objects: Objects, begun: dict[str, Any]) -> None:
    turned = {"participants": list(reversed(begun["spec"]["participants"]))}
    with pytest.raises(Refused, match=r"immutable once the run has begun: spec\.participants\. "):
        objects.patch("FederatedTraining", "answers", {"spec": turned}, dry=True)


def test_several_changes_are_named_at_once(objects: Objects, begun: dict[str, Any]) -> None:
    change = {**CHANGES["model"], **CHANGES["rounds.count"], "suspend": True}
    with pytest.raises(Refused, match=r"immutable once the run has begun: spec\.model spec\.rounds\.count\. "):
        objects.patch("FederatedTraining", "answers", {"spec": change}, dry=True)


def test_no_write_of_a_spec_passes_for_one_of_the_status_nor_the_other_way_round(
    objects: Objects, training: dict[str, Any]
) -> None:
    told = {"round": 1, "elapsed": {"round": 1, "epoch": 1, "seconds": 5.0}}
    objects.patch_status("FederatedTraining", "answers", told)
    later = {**told, "elapsed": {"round": 1, "epoch": 1, "seconds": 6.0}}
    with pytest.raises(Refused, match=r"immutable once the run has begun: spec\.model\. "):
        objects.patch("FederatedTraining", "answers", {"spec": CHANGES["model"], "status": later})
    written = objects.patch_status("FederatedTraining", "answers", later, spec=CHANGES["model"])
    assert written["status"] == later
    assert written["spec"] == training["spec"]


@pytest.mark.parametrize(
    "change",
    [{"suspend": True}, {"rounds": {"deadline": "3h"}}, {"storage": {"retentionPolicy": "Delete"}}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.usefixtures("begun")
def test_fields_about_time_and_retention_may_change(objects: Objects, change: dict[str, Any]) -> None:
    changed = objects.patch("FederatedTraining", "answers", {"spec": change})
    assert changed["metadata"]["generation"] == 2


def test_applying_the_same_training_again_changes_nothing(objects: Objects, training: dict[str, Any]) -> None:
    again = objects.patch("FederatedTraining", "answers", copy.deepcopy(TRAINING))
    assert again["metadata"]["resourceVersion"] == training["metadata"]["resourceVersion"]


def test_the_status_is_written_by_its_own_door_alone(objects: Objects, training: dict[str, Any]) -> None:
    assert "status" not in objects.patch("FederatedTraining", "answers", {"status": {"phase": "Succeeded"}})
    status = {
        "phase": "Training",
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Progressing",
                "status": "True",
                "reason": "Training",
                "message": "2 of 3 are in.",
                "lastTransitionTime": "2025-06-01T12:00:00Z",
            }
        ],
    }
    written = objects.patch_status("FederatedTraining", "answers", status)
    assert written["status"] == status
    assert written["metadata"]["generation"] == 1
    changed = objects.patch_status("FederatedTraining", "answers", {"phase": "Aggregating"})
    assert changed["status"]["conditions"] == status["conditions"]


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"message": "x" * 1025}, "status.message"),
        ({"conditions": [{"type": "Ready"}]}, "status.conditions[0].status"),
        ({"lastRounds": [{"round": 1, "outcome": "Committed", "participants": "1/1"}] * 6}, "status.lastRounds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_status_stays_small_and_in_form(
    objects: Objects, training: dict[str, Any], status: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refusal:
        objects.patch_status("FederatedTraining", "answers", status)
    assert field in [cause.field for cause in refusal.value.causes]


def test_a_task_keeps_its_order_to_the_letter(task: dict[str, Any]) -> None:
    assert Task.model_validate(task["spec"]["task"]) == ORDER
    assert task["spec"]["desiredState"] == "Run"


def test_a_task_may_be_cancelled(objects: Objects, task: dict[str, Any]) -> None:
    changed = objects.patch("TrainingTask", task["metadata"]["name"], {"spec": {"desiredState": "Cancel"}})
    assert changed["spec"]["desiredState"] == "Cancel"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"task": {"round": 2}}, "spec.task"),
        ({"task": {"work": {"samples": 11}}}, "spec.task"),  # a field that the schema doesn't name
        ({"task": {"training": {"learningRate": 1}}}, "spec.task"),
        ({"compute": {"gpusPerNode": 1}}, "spec.compute"),
        ({"timeout": "9h"}, "spec.timeout"),
        ({"storage": {"s3": {"bucket": "other"}}}, "spec.storage"),
    ],
    ids=str,
)
def test_nothing_else_of_a_task_may_change(
    objects: Objects, task: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refusal:
        objects.patch("TrainingTask", task["metadata"]["name"], {"spec": change}, dry=True)
    (cause,) = refusal.value.causes
    assert cause.field == field
    assert "A task is immutable, except for `desiredState`. Create a new task." in cause.message


def test_a_policys_volumes_keep_what_kubernetes_knows_of_them(objects: Objects) -> None:
    pods = {
        "volumes": [{"name": "rows", "persistentVolumeClaim": {"claimName": "rows", "readOnly": True}}],
        "volumeMounts": [{"name": "rows", "mountPath": "/data", "subPath": "rows", "readOnly": False}],
    }
    policy = {
        "apiVersion": "fedtrain.dev/v1alpha1",
        "kind": "ParticipantPolicy",
        "metadata": {"name": "bank-a"},
        "spec": {"datasets": [{"name": "tickets", "uri": "/data/rows.jsonl"}], "pods": pods},
    }
    created = objects.create(policy)["spec"]["pods"]
    assert {name: created[name] for name in pods} == pods
