"""The operator on a real API server with the real training operator: real trainers, no nodes.

The tests play the kubelet alone (`pods.py`): commands, environment and credentials are those of the pods.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.api import Api, Json
from tests.clusters.control_plane import ControlPlane
from tests.clusters.eventually import eventually
from tests.clusters.minio import Minio
from tests.controlplane.pods import Pods
from tests.controlplane.training import PARTICIPANTS, SECRET, TASKS, TRAININGS, Digests, Federation, digests
from tests.support.operating import Operator

LONG = 120
PYTORCHJOBS = "kubeflow.org/v1/pytorchjobs"


@pytest.fixture
def operator(
    kinds: ControlPlane, operator_kubeconfig: Path, federation: Federation, tmp_path: Path
) -> Iterator[Operator]:
    with Operator(operator_kubeconfig, tmp_path) as running:
        yield running
        if kinds.api.find(TRAININGS, federation.name, federation.namespace):
            kinds.api.delete(TRAININGS, federation.name, federation.namespace)
            eventually(lambda: kinds.api.find(TRAININGS, federation.name, federation.namespace) is None)


def phase(federation: Federation, api: Api) -> str:
    return federation.status(api).get("phase", "")


def condition(federation: Federation, api: Api, name: str) -> Json:
    return next((one for one in federation.status(api).get("conditions", ()) if one["type"] == name), {})


def succeeded(federation: Federation, api: Api) -> Json:
    eventually(lambda: phase(federation, api) in ("Succeeded", "Failed"), LONG)
    status = federation.status(api)
    assert status["phase"] == "Succeeded", status
    return status


def some_train(federation: Federation, api: Api) -> bool:
    """Whether both participants have a pod for round 1's training."""
    return sum("-train-" in pod["metadata"]["name"] for pod in federation.at_banks(api, "v1/pods")) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("operator", "pods")
def test_a_training_goes_from_apply_to_succeeded_with_the_digests_of_fedtrain_run(
    federation: Federation, api: Api, minio: Minio, undisturbed: Digests
) -> None:
    federation.apply(api, minio)
    status = succeeded(federation, api)
    assert (status["step"], status["participants"]) == (2, "2/2")
    assert status["metric"].startswith("loss ")
    assert [told["outcome"] for told in status["lastRounds"]] == ["Initial", "Committed", "Committed"]
    assert digests(federation.ledger(minio)) == undisturbed
    eventually(lambda: federation.at_banks(api, PYTORCHJOBS) == [])
    reasons = {event["reason"] for event in api.list("v1/events", federation.namespace)}
    assert {"Initialised", "RoundCommitted", "Succeeded"} <= reasons


@pytest.mark.slow
def test_operators_killed_and_objects_deleted_by_hand_change_no_digest(
    operator: Operator, pods: Pods, federation: Federation, api: Api, minio: Minio, undisturbed: Digests
) -> None:
    pods.held = {"-train-"}
    federation.apply(api, minio)
    eventually(lambda: some_train(federation, api), LONG)
    operator.kill()
    task = next(task for task in federation.at_banks(api, TASKS) if "-train-" in task["metadata"]["name"])
    api.delete(TASKS, task["metadata"]["name"], task["metadata"]["namespace"])
    operator.start()
    pods.held = {"-aggregate-"}
    eventually(lambda: api.list("batch/v1/jobs", federation.namespace, "fedtrain.dev/kind=Aggregate"), LONG)
    operator.kill()
    (job, *_) = api.list("batch/v1/jobs", federation.namespace, "fedtrain.dev/kind=Aggregate")
    api.delete("batch/v1/jobs", job["metadata"]["name"], federation.namespace)
    pods.held = set()
    operator.start()
    eventually(lambda: federation.status(api).get("round") == 2, LONG)
    operator.kill()
    operator.start()
    succeeded(federation, api)
    assert digests(federation.ledger(minio)) == undisturbed
    assert not [name for name in federation.ledger(minio).names("rounds/") if "/attempts/" in name]


@pytest.mark.slow
@pytest.mark.usefixtures("operator")
def test_a_trainer_that_dies_is_tried_again_and_a_deleted_pod_is_made_anew(
    pods: Pods, federation: Federation, api: Api, minio: Minio, undisturbed: Digests
) -> None:
    pods.held = {"-train-"}
    federation.apply(api, minio)
    eventually(lambda: some_train(federation, api), LONG)
    names = [pod["metadata"]["name"] for pod in federation.at_banks(api, "v1/pods")]
    dead, gone = (next(name for name in names if f"-train-{who}-" in name) for who in federation.who)
    ended = {"exitCode": 137, "reason": "Error"}
    container = {"name": "pytorch", "ready": False, "restartCount": 0, "image": "i", "imageID": "i"}
    statuses = [{**container, "state": {"terminated": ended}}]
    api.patch("v1/pods", dead, {"status": {"phase": "Failed", "containerStatuses": statuses}}, "at-bank-a", "status")
    api.delete("v1/pods", gone, "at-bank-b")
    eventually(
        lambda: any("-1-train-bank-a-2-" in task["metadata"]["name"] for task in federation.at_banks(api, TASKS))
    )
    pods.held = set()
    succeeded(federation, api)
    assert digests(federation.ledger(minio)) == undisturbed
    grants = [name for name in federation.ledger(minio).names("rounds/") if "/attempts/" in name]
    assert grants == ["rounds/0001/attempts/bank-a-2.json"]


@pytest.mark.slow
@pytest.mark.usefixtures("operator")
def test_suspending_frees_what_runs_uses_up_no_retry_and_going_on_ends_the_same(
    pods: Pods, federation: Federation, api: Api, minio: Minio, undisturbed: Digests
) -> None:
    pods.held = {"-train-"}
    federation.apply(api, minio)
    eventually(lambda: some_train(federation, api), LONG)
    api.patch(TRAININGS, federation.name, {"spec": {"suspend": True}}, federation.namespace)
    eventually(lambda: phase(federation, api) == "Suspended")
    eventually(lambda: federation.at_banks(api, PYTORCHJOBS) == federation.at_banks(api, "v1/pods") == [])
    before = federation.status(api)["elapsed"]["seconds"]
    pods.held = set()
    api.patch(TRAININGS, federation.name, {"spec": {"suspend": False}}, federation.namespace)
    eventually(lambda: phase(federation, api) == "Training")
    assert federation.status(api)["elapsed"]["seconds"] < before + 5
    succeeded(federation, api)
    assert digests(federation.ledger(minio)) == undisturbed
    assert not [name for name in federation.ledger(minio).names("rounds/") if "/attempts/" in name]


@pytest.mark.slow
@pytest.mark.parametrize("retention", ["Retain", "Delete"])
@pytest.mark.usefixtures("operator")
def test_deleting_removes_all_that_was_made_and_the_ledger_only_if_the_file_says_so(
    pods: Pods, federation: Federation, api: Api, minio: Minio, retention: str
) -> None:
    pods.held = {"-train-"}
    federation.apply(api, minio, storage={**federation.bucket(minio), "retentionPolicy": retention})
    eventually(lambda: some_train(federation, api), LONG)
    api.delete(TRAININGS, federation.name, federation.namespace)
    eventually(lambda: api.find(TRAININGS, federation.name, federation.namespace) is None)
    for resource in (TASKS, PYTORCHJOBS, "v1/pods", "v1/secrets"):
        eventually(lambda resource=resource: federation.at_banks(api, resource) == [])
    eventually(lambda: api.list("batch/v1/jobs", federation.namespace) == [])
    assert bool(federation.ledger(minio).names()) == (retention == "Retain")


@pytest.mark.usefixtures("operator")
def test_what_is_wrong_across_objects_is_a_condition_and_goes_on_once_it_is_put_right(
    federation: Federation, api: Api, minio: Minio
) -> None:
    participants = [{"name": who} for who in (*federation.who, "bank-x")]
    federation.apply(api, minio, participants=participants, data={"dataset": "mail", "format": "Text"})
    eventually(lambda: condition(federation, api, "Accepted").get("status") == "False")
    said = condition(federation, api, "Accepted")["message"]
    assert "there is no Participant 'bank-x'" in said
    assert "bank-a has no data set 'mail' (its policy maps: glosses)" in said
    assert phase(federation, api) == "Pending"
    assert federation.at_banks(api, TASKS) == []
    assert federation.ledger(minio).names() == []


@pytest.mark.usefixtures("operator")
def test_a_participant_that_does_not_allow_the_namespace_is_not_asked(
    federation: Federation, api: Api, minio: Minio
) -> None:
    api.patch(PARTICIPANTS, "bank-a", {"spec": {"allowedNamespaces": ["elsewhere"]}})
    try:
        federation.apply(api, minio)
        eventually(lambda: condition(federation, api, "Accepted").get("reason") == "NotAllowed")
        assert federation.at_banks(api, TASKS) == []
    finally:
        api.patch(PARTICIPANTS, "bank-a", {"spec": {"allowedNamespaces": ["*"]}})
    eventually(lambda: condition(federation, api, "Accepted").get("status") == "True")


@pytest.mark.usefixtures("operator")
def test_without_its_secret_a_training_waits_and_says_which(federation: Federation, api: Api, minio: Minio) -> None:
    api.delete("v1/secrets", SECRET, federation.namespace)
    federation.apply(api, minio)
    eventually(lambda: condition(federation, api, "StoreReachable").get("reason") == "NoCredentials")
    assert SECRET in federation.status(api)["message"]
    federation.give_keys(api, minio)
    eventually(lambda: federation.at_banks(api, TASKS) != [])


def unschedulable(api: Api, pod: Json, lacking: str) -> None:
    """As the scheduler says it."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": f"0/3 nodes are available: 3 Insufficient {lacking}.",
    }
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    api.patch("v1/pods", name, {"status": {"conditions": [condition]}}, namespace, "status")


@pytest.mark.usefixtures("operator")
def test_pods_that_no_node_takes_are_said_in_words_and_credentials_are_in_secrets_alone(
    federation: Federation, api: Api, minio: Minio
) -> None:
    wish = [{"name": "bank-a"}, {"name": "bank-b", "compute": {"gpusPerNode": 2}, "training": {"microBatchSize": 2}}]
    hub = {"data": {"uri": str(federation.folder / "test.jsonl")}, "compute": {"memory": "64Gi"}}
    federation.apply(api, minio, participants=wish, evaluation={"hub": hub})
    (pod,) = eventually(lambda: [p for p in federation.at_banks(api, "v1/pods") if "bank-b" in p["metadata"]["name"]])
    unschedulable(api, pod, "nvidia.com/gpu")
    words = "bank-b asks for 2 GPUs on 1 node, none has 2 free"
    eventually(lambda: federation.status(api).get("message") == words)
    (pod,) = eventually(lambda: api.list("v1/pods", federation.namespace, "fedtrain.dev/kind=Initialise"))
    unschedulable(api, pod, "memory")
    words = f"the hub asks for 64Gi of memory on 1 node, none has enough memory free; {words}"
    eventually(lambda: federation.status(api).get("message") == words)
    assert condition(federation, api, "Schedulable")["status"] == "False"
    made = [body for resource in (TASKS, PYTORCHJOBS, "v1/pods") for body in federation.at_banks(api, resource)]
    made += api.list("batch/v1/jobs", federation.namespace) + api.list("v1/events", federation.namespace)
    assert minio.secret_key not in json.dumps(made)
    assert len(federation.at_banks(api, "v1/secrets")) == 2
