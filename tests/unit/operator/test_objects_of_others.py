"""Tasks and Jobs that others create with a run's labels decide nothing: a run counts only those of its coordinator."""

from pathlib import Path

import pytest
from fedtrain_operator.coordinator.own_objects import is_own_task

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json
from tests.unit.operator.federation import TRAINING, Federation
from tests.unit.operator.worlds import run, task

REFUSED: Json = {"phase": "Refused", "reason": "PolicyRefused", "message": "forged"}
WAITS: Json = {
    "phase": "Pending",
    "conditions": [{"type": "Schedulable", "status": "False", "reason": "Unschedulable", "message": "forged"}],
}


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    made = Federation(tmp_path / "ledger", monkeypatch)
    made.apply(rounds={"count": 2, "minParticipants": 4})
    made.settle()
    assert made.status["phase"] == "Initialising"
    return made


def forge(federation: Federation, metadata: Json, status: Json) -> None:
    """As somebody who may create tasks in some namespace."""
    (own,) = [one for one in federation.server.all("trainingtasks") if "-inspect-bank-b-" in one["metadata"]["name"]]
    about = {**own["metadata"], "uid": "forged", **metadata}
    made = federation.server.add("trainingtasks", {**own, "metadata": about, "status": status})
    federation.state.tasks.put(made)


@pytest.mark.parametrize(
    "metadata",
    [{"namespace": "at-bank-c"}, {"name": "zzz"}, {"namespace": "at-zzz"}],
    ids=["of another participant", "of another name", "in a namespace of nobody"],
)
@pytest.mark.parametrize("status", [REFUSED, WAITS], ids=["refused", "waits"])
def test_a_task_with_the_labels_of_another_ones_is_not_counted(
    federation: Federation, metadata: Json, status: Json
) -> None:
    before = federation.status
    forge(federation, metadata, status)
    federation.settle()
    assert federation.status == before


def test_a_task_that_claims_to_be_a_job_of_the_hub_does_not_stand_for_it(federation: Federation) -> None:
    claimed, (job,) = federation.state.memories[TRAINING].run, federation.server.all("jobs")
    assert claimed is not None
    key = labels.key_of(job, claimed.run_id)
    assert key is not None
    federation.state.jobs.drop(federation.server.objects.pop(("jobs", "hub", job["metadata"]["name"])))
    marks = {"name": labels.name_of(claimed, key), "namespace": "at-bank-c", "labels": labels.of_task(claimed, key)}
    forge(federation, marks, REFUSED)
    federation.settle()
    assert [one["metadata"]["name"] for one in federation.server.all("jobs")] == [job["metadata"]["name"]]


def test_a_job_of_another_name_does_not_stand_for_one_that_is_deleted(federation: Federation) -> None:
    (job,) = federation.server.all("jobs")
    federation.state.jobs.drop(federation.server.objects.pop(("jobs", "hub", job["metadata"]["name"])))
    about = {**job["metadata"], "name": "zzz", "uid": "forged"}
    federation.state.jobs.put(federation.server.add("jobs", {**job, "metadata": about}))
    federation.settle()
    assert sorted(one["metadata"]["name"] for one in federation.server.all("jobs")) == [job["metadata"]["name"], "zzz"]


def test_a_task_that_has_the_name_of_another_one_is_reported(federation: Federation) -> None:
    (own,) = [one for one in federation.server.all("trainingtasks") if "-inspect-bank-b-" in one["metadata"]["name"]]
    about = {**own["metadata"], "labels": own["metadata"]["labels"] | {labels.ATTEMPT: "2"}}
    federation.state.tasks.drop(own)
    federation.server.add("trainingtasks", {**own, "metadata": about})
    for _ in range(5):  # a conflict may pass
        federation.settle()
        federation.time.now += 60
    condition = federation.condition("TasksAccepted")
    assert condition["status"] == "False"
    assert (
        f"{own['metadata']['name']} in namespace at-bank-b has labels of other work. Delete it" in condition["message"]
    )
    del federation.server.objects["trainingtasks", "at-bank-b", own["metadata"]["name"]]
    federation.time.now += 600
    federation.settle()
    assert federation.condition("TasksAccepted")["status"] == "True"


def test_a_job_that_has_the_name_of_another_one_is_reported(federation: Federation) -> None:
    (job,) = federation.server.all("jobs")
    federation.state.jobs.drop(job)
    about = {**job["metadata"], "labels": job["metadata"]["labels"] | {labels.ATTEMPT: "2"}}
    federation.server.add("jobs", {**job, "metadata": about})
    federation.settle()
    assert f"{job['metadata']['name']} in namespace hub has labels of other work" in federation.status["message"]


def test_the_task_of_a_participant_that_cannot_be_read_is_counted() -> None:
    """Its namespace is not known then, and a round must not repeat what runs."""
    assert is_own_task(task("bank-a"), run(), {})
    assert is_own_task(task("bank-a"), run(), {"bank-a": {"spec": {"namespace": "at-bank-a"}}})
    assert not is_own_task(task("bank-a"), run(), {"bank-a": {"spec": {"namespace": "at-bank-b"}}})
