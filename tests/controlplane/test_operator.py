"""The operator on a real API server with the real training operator: real trainers, no nodes.

The tests play the kubelet alone (`pods.py`): commands, environment and credentials are those of the pods.
"""

import base64
import json
import time
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate, Plan
from hack.cluster.api import Api, Json
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.pods import Pods
from tests.controlplane.training import (
    JOBS,
    PARTICIPANTS,
    POLICIES,
    PYTORCHJOBS,
    SECRET,
    TASKS,
    Digests,
    Federation,
    attempts,
    begun,
)
from tests.support.operating import Operator


def phase(federation: Federation, api: Api) -> str:
    return federation.status(api).get("phase", "")


@pytest.mark.usefixtures("operator", "pods")
def test_a_training_goes_from_apply_to_succeeded_with_the_digests_of_fedtrain_run(
    federation: Federation, api: Api, s3_server: S3Server, undisturbed: Digests
) -> None:
    federation.apply(api, s3_server)
    federation.succeeded_with(undisturbed, api, s3_server)
    status = federation.status(api)
    assert (status["step"], status["participants"]) == (2, "2/2")
    assert status["metric"].startswith("loss ")
    assert [told["outcome"] for told in status["lastRounds"]] == ["Initial", "Committed", "Committed"]
    eventually(lambda: federation.at_banks(api, PYTORCHJOBS) == [])
    eventually(lambda: {"Initialised", "RoundCommitted", "Succeeded"} <= federation.told(api))
    assert federation.at_banks(api, "v1/secrets") == [], "nobody has the bucket's keys when nothing is to run"


@pytest.mark.slow
@pytest.mark.usefixtures("operator")
def test_a_participant_that_its_owner_suspends_trains_again_while_the_stopped_pod_still_ends(
    pods: Pods, federation: Federation, api: Api, s3_server: S3Server, undisturbed: Digests
) -> None:
    begun(federation, pods, api, s3_server)
    (job,) = federation.at_banks(api, PYTORCHJOBS, "-train-bank-a-")
    (pod,) = federation.at_banks(api, "v1/pods", "-train-bank-a-")
    name = pod["metadata"]["name"]
    api.patch("v1/pods", name, {"metadata": {"finalizers": ["example.org/ends-slowly"]}}, "at-bank-a")
    try:
        api.patch(POLICIES, "bank-a", {"spec": {"suspend": True}}, "at-bank-a")
        eventually(lambda: "deletionTimestamp" in api.get("v1/pods", name, "at-bank-a")["metadata"])
        (task,) = federation.at_banks(api, TASKS, "-train-bank-a-")
        task_name = task["metadata"]["name"]
        eventually(lambda: api.get(TASKS, task_name, "at-bank-a").get("status", {}).get("reason") == "HeldByPolicy")
    finally:
        api.patch(POLICIES, "bank-a", {"spec": {"suspend": False}}, "at-bank-a")
    uid = job["metadata"]["uid"]
    eventually(lambda: (api.find(PYTORCHJOBS, task_name, "at-bank-a") or job)["metadata"]["uid"] != uid)
    api.patch("v1/pods", name, {"metadata": {"finalizers": None}}, "at-bank-a")
    eventually(lambda: (api.find("v1/pods", name, "at-bank-a") or pod)["metadata"]["uid"] != pod["metadata"]["uid"])
    pods.held = set()
    assert attempts(federation.succeeded_with(undisturbed, api, s3_server)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("operator")
def test_suspending_frees_what_runs_uses_up_no_retry_and_going_on_ends_the_same(
    pods: Pods, federation: Federation, api: Api, s3_server: S3Server, undisturbed: Digests
) -> None:
    begun(federation, pods, api, s3_server)
    federation.change(api, suspend=True)
    eventually(lambda: phase(federation, api) == "Suspended")
    eventually(lambda: federation.at_banks(api, PYTORCHJOBS) == federation.at_banks(api, "v1/pods") == [])
    before, resumed = federation.status(api)["elapsed"]["seconds"], time.monotonic()
    pods.held = set()
    federation.change(api, suspend=False)
    eventually(lambda: phase(federation, api) == "Training")
    assert federation.status(api)["elapsed"]["seconds"] < before + time.monotonic() - resumed + 1
    assert attempts(federation.succeeded_with(undisturbed, api, s3_server)) == []


@pytest.mark.usefixtures("operator")
def test_an_error_across_objects_is_a_condition_and_the_run_continues_after_the_fix(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    participants = [{"name": who} for who in (*federation.who, "bank-x")]
    federation.apply(api, s3_server, participants=participants, data={"dataset": "mail", "format": "Text"})
    for words in ("Participant 'bank-x' does not exist", "bank-a has no data set 'mail' (its policy has: glosses)"):
        eventually(lambda words=words: words in federation.condition(api, "Accepted").get("message", ""))
    assert federation.condition(api, "Accepted")["status"] == "False"
    assert phase(federation, api) == "Pending"
    assert federation.at_banks(api, TASKS) == []
    assert federation.ledger(s3_server).names() == []


@pytest.mark.usefixtures("operator")
def test_a_participant_that_does_not_allow_the_namespace_is_not_asked(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    api.patch(PARTICIPANTS, "bank-a", {"spec": {"allowedNamespaces": ["elsewhere"]}})
    try:
        federation.apply(api, s3_server)
        eventually(lambda: federation.condition(api, "Accepted").get("reason") == "NotAllowed")
        assert federation.at_banks(api, TASKS) == []
    finally:
        api.patch(PARTICIPANTS, "bank-a", {"spec": {"allowedNamespaces": ["*"]}})
    eventually(lambda: federation.condition(api, "Accepted").get("status") == "True")


@pytest.mark.usefixtures("operator")
def test_without_its_secret_a_training_waits_and_says_which(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    api.delete("v1/secrets", SECRET, federation.namespace)
    federation.apply(api, s3_server)
    eventually(lambda: federation.condition(api, "StoreReachable").get("reason") == "NoCredentials")
    assert SECRET in federation.status(api)["message"]
    federation.give_keys(api, s3_server)
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
def test_pods_that_no_node_takes_are_reported_and_signed_requests_are_in_secrets_alone(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    wish = [{"name": "bank-a"}, {"name": "bank-b", "compute": {"gpusPerNode": 2}, "training": {"microBatchSize": 2}}]
    hub = {"data": {"uri": str(federation.folder / "test.jsonl")}, "compute": {"memory": "64Gi"}}
    federation.apply(api, s3_server, participants=wish, evaluation={"hub": hub})
    (pod,) = eventually(lambda: federation.at_banks(api, "v1/pods", "bank-b"))
    unschedulable(api, pod, "nvidia.com/gpu")
    words = "bank-b's job asks for 2 GPUs on 1 node, but no node has 2 free. "
    eventually(lambda: words in federation.status(api).get("message", ""))
    (pod,) = eventually(lambda: api.list("v1/pods", federation.namespace, "fedtrain.dev/kind=Initialise"))
    unschedulable(api, pod, "memory")
    hubs = "the hub's job asks for 64Gi of memory on 1 node, but no node has enough memory free. "
    eventually(lambda: hubs in federation.status(api).get("message", ""))
    assert words in federation.status(api)["message"]
    assert federation.condition(api, "Schedulable")["status"] == "False"
    made = [body for resource in (TASKS, PYTORCHJOBS, "v1/pods") for body in federation.at_banks(api, resource)]
    made += api.list(JOBS, federation.namespace) + api.list("v1/events", federation.namespace)
    made.append(federation.status(api))
    uids = {task["metadata"]["uid"] for task in federation.at_banks(api, TASKS)}
    signed = eventually(lambda: found if (found := federation.signed(api)).keys() == uids else None)
    assert all("X-Amz-Signature" in text for text in signed.values())
    assert s3_server.secret_key not in json.dumps([*made, *signed.values()])
    secrets = [body.get("data") or {} for who in federation.who for body in api.list("v1/secrets", f"at-{who}")]
    values = [base64.b64decode(value) for data in secrets for value in data.values()]
    assert len(values) >= len(signed)
    assert not [value for value in values if s3_server.secret_key.encode() in value], "no participant has the keys"
    assert "X-Amz-Signature" not in json.dumps(made)


def cannot_start(api: Api, pod: Json) -> None:
    """As the kubelet says it of an image that nobody has."""
    (container,) = pod["spec"]["containers"]
    why = {"reason": "ImagePullBackOff", "message": "Back-off pulling image: ErrImagePull: not found"}
    said = {"name": container["name"], "image": container["image"], "imageID": "", "ready": False, "restartCount": 0}
    status = {"containerStatuses": [{**said, "state": {"waiting": why}}]}
    api.patch("v1/pods", pod["metadata"]["name"], {"status": status}, pod["metadata"]["namespace"], "status")


@pytest.mark.usefixtures("operator")
def test_a_pod_that_cannot_start_is_reported_and_recreated_after_a_change_of_the_policy(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    federation.apply(api, s3_server)
    (pod,) = eventually(lambda: federation.at_banks(api, "v1/pods", "bank-b"))
    cannot_start(api, pod)
    words = "bank-b's pod can't start: its image can't be fetched (not found): example.org/trainer:1. Ask the "
    eventually(lambda: words in federation.status(api).get("message", ""))
    assert federation.condition(api, "Startable")["message"].startswith(words)
    assert federation.condition(api, "Schedulable")["status"] == "True"
    api.patch(POLICIES, "bank-b", {"spec": {"pods": {"nodeSelector": {"pool": "gpu"}}}}, "at-bank-b")
    try:
        eventually(lambda: is_at(federation.at_banks(api, "v1/pods", "bank-b"), "gpu"))
        eventually(lambda: federation.condition(api, "Startable").get("status") == "True")
    finally:
        api.patch(POLICIES, "bank-b", {"spec": {"pods": None}}, "at-bank-b")


def is_at(pods: list[Json], pool: str) -> bool:
    return [pod["spec"].get("nodeSelector") for pod in pods] == [{"pool": pool}]


@pytest.mark.slow
@pytest.mark.usefixtures("operator", "pods")
def test_a_file_that_does_not_fit_may_be_corrected_under_the_same_name(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    """With privacy whose participants clip to a fixed norm."""
    privacy: Json = {
        "unit": "Participant",
        "budget": {"epsilon": 1000, "delta": 1e-5},
        "noise": {"type": "Multiplier", "multiplier": 0.5},
        "clipping": {"type": "Fixed", "norm": 0.05, "location": "Client"},
    }
    common: Json = {"rounds": {"count": 1}, "privacy": privacy, "aggregation": {"weights": "Uniform"}, "evaluation": {}}
    data = {"dataset": "mail", "format": "PromptCompletion", "maxLength": 48}
    federation.apply(api, s3_server, data=data, **common)
    eventually(lambda: federation.condition(api, "Accepted").get("status") == "False")
    federation.change(api, data={"dataset": "glosses"})
    federation.succeeded(api)
    ledger = federation.ledger(s3_server)
    plan, made = ledger.read(names.plan(1), Plan), ledger.read(names.aggregate(1, 1), Aggregate)
    assert plan is not None
    assert plan.privacy is not None
    assert (plan.privacy.clipping_location, plan.privacy.noise_shares) == ("Client", None)
    assert made is not None
    assert made.privacy is not None
    assert made.privacy.noise_std == pytest.approx(0.5 * 0.05 / 2)
    assert made.privacy.next_bound == 0.05


@pytest.mark.slow
def test_a_hubs_pod_that_cannot_start_is_recreated_by_an_operator_with_another_image(
    control_plane: ControlPlane, tmp_path: Path, federation: Federation, api: Api, s3_server: S3Server
) -> None:
    """As an administrator: the admission policies of the shared release know one image only."""

    def pods(image: str) -> list[Json]:
        found = api.list("v1/pods", federation.namespace, "fedtrain.dev/kind=Initialise")
        return [pod for pod in found if pod["spec"]["containers"][0]["image"] == image]

    wrong, right = "example.org/trainer:wrong", "example.org/trainer:right"
    with Operator(control_plane.kubeconfig, tmp_path, TRAINER_IMAGE=wrong):
        federation.apply(api, s3_server)
        (pod,) = eventually(lambda: pods(wrong))
        cannot_start(api, pod)
        words = f"the hub's pod can't start: its image can't be fetched (not found): {wrong}. "
        eventually(lambda: words in federation.status(api).get("message", ""))
    with Operator(control_plane.kubeconfig, tmp_path, TRAINER_IMAGE=right):
        eventually(lambda: pods(right))
        federation.delete(api)
