"""The participant controller applies the policy: it stops pods, waits, and refuses what a malicious hub sends."""

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.cache import Cache

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json, Ref, ref
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote


def status(remote: Remote) -> Json:
    return remote.hub.objects["trainingtasks", HUB, remote.ref.name].get("status", {})


def change_policy(remote: Remote, **spec: Any) -> None:
    """As the owner would, and as the watch reports it."""
    body = remote.here.objects["participantpolicies", HERE, "bank-b"]
    remote.tasks.policies.put(
        remote.here.add(
            "participantpolicies", {**body, "spec": {**body["spec"], **spec}, "status": body.get("status", {})}
        )
    )


def pending(remote: Remote) -> list[Json]:
    return remote.here.objects["participantpolicies", HERE, "bank-b"].get("status", {}).get("pendingApprovals", [])


def test_suspending_the_policy_stops_running_pods_and_the_task_waits() -> None:
    remote = Remote()
    remote.reconcile()
    assert len(remote.jobs) == 1
    change_policy(remote, suspend=True)
    remote.reconcile()
    assert remote.jobs == []
    assert (status(remote)["phase"], status(remote)["reason"]) == ("Pending", "HeldByPolicy")
    assert "suspended by its owner" in status(remote)["message"]
    change_policy(remote, suspend=False)
    remote.reconcile()
    assert len(remote.jobs) == 1


def test_deleting_the_policy_stops_running_pods_and_refuses_the_task() -> None:
    remote = Remote()
    remote.reconcile()
    remote.tasks.policies.drop(remote.here.objects.pop(("participantpolicies", HERE, "bank-b")))
    remote.reconcile()
    assert remote.jobs == []
    assert (status(remote)["phase"], status(remote)["reason"]) == ("Refused", "NoPolicy")


@pytest.mark.parametrize("knows_the_task", [True, False], ids=["", "after a restart"])
def test_the_owner_stops_pods_although_the_hub_does_not_answer(knows_the_task: bool) -> None:
    remote = Remote()
    remote.reconcile()
    if not knows_the_task:
        remote.tasks.tasks = Cache()
    remote.hub.fault = lambda _: ApiError(503, "Unreachable", "the link is cut")
    with pytest.raises(ApiError) if not knows_the_task else nullcontext():
        remote.reconcile()
    assert len(remote.jobs) == 1
    change_policy(remote, suspend=True)
    with pytest.raises(ApiError):
        remote.reconcile()
    assert remote.jobs == []


def test_a_hub_that_calls_a_running_task_ended_cannot_keep_its_pods_from_the_owner() -> None:
    remote = Remote()
    remote.reconcile()
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    remote.tasks.tasks.put(remote.hub.add("trainingtasks", {**body, "status": {"phase": "Failed", "reason": "x"}}))
    remote.reconcile()
    assert remote.jobs == []


def test_a_stricter_policy_lets_running_tasks_end() -> None:
    remote = Remote()
    remote.reconcile()
    change_policy(remote, allow={"baseModels": ["other/model"]})
    remote.reconcile()
    assert len(remote.jobs) == 1


def test_a_training_that_waits_for_approval_is_in_the_policys_status_until_it_is_approved() -> None:
    remote = Remote()
    change_policy(remote, approval="Manual")
    remote.reconcile()
    remote.reconcile()
    assert remote.jobs == []
    (one,) = pending(remote)
    assert (one["namespace"], one["name"], one["dataset"]) == ("hub", "tickets", "tickets")
    assert len([1 for request in remote.here.requests if request.kind == "participantpolicies/status"]) == 1
    change_policy(remote, approvedTrainings=[one["digest"]])
    remote.reconcile()
    assert len(remote.jobs) == 1
    assert pending(remote) == []


def test_a_training_whose_tasks_are_gone_does_not_wait_for_approval() -> None:
    remote = Remote()
    change_policy(remote, approval="Manual")
    remote.reconcile()
    assert len(pending(remote)) == 1
    remote.delete_task()
    remote.reconcile()
    assert pending(remote) == []


def test_a_training_does_not_wait_for_approval_once_the_policy_needs_none() -> None:
    remote = Remote()
    change_policy(remote, approval="Manual")
    remote.reconcile()
    change_policy(remote, approval="Automatic")
    remote.reconcile()
    assert (len(remote.jobs), pending(remote)) == (1, [])


def test_a_policy_that_this_version_cannot_read_starts_no_task() -> None:
    remote = Remote()
    change_policy(remote, windows=[{"begin": "20:00"}])
    remote.reconcile()
    assert remote.jobs == []
    assert status(remote)["reason"] == "InvalidPolicy"
    assert "Update fedtrain at the participant" in status(remote)["message"]


def test_tasks_that_start_at_the_same_time_do_not_exceed_the_limit() -> None:
    remote = Remote()
    change_policy(remote, limits={"concurrentTasks": 1})
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    tasks = [body]
    for number in range(3):
        metadata = {**body["metadata"], "name": f"more-{number}", "uid": f"uid-{number}"}
        tasks.append(remote.hub.add("trainingtasks", {**body, "metadata": metadata}))
        remote.tasks.tasks.put(tasks[-1])

    async def together() -> None:
        await asyncio.gather(*(remote.tasks.reconcile(ref(task)) for task in tasks))

    asyncio.run(together())
    assert len(remote.jobs) == 1


def altered(remote: Remote, change: Any) -> None:
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    change(body["spec"])
    remote.tasks.tasks.drop(body)
    remote.tasks.tasks.put(remote.hub.add("trainingtasks", body))


MALICIOUS: dict[str, tuple[Any, str]] = {
    "a path for a data set": (
        lambda spec: spec["task"]["data"].update(dataset="../../etc/passwd"),
        "spec.task.data.dataset",
    ),
    "a data set of another name": (
        lambda spec: spec["task"]["data"].update(dataset="salaries"),
        "has no data set 'salaries'",
    ),
    "a ledger in a folder": (
        lambda spec: spec.update(storage={"type": "File", "file": {"path": "/data"}}),
        "the ledger is of type File",
    ),
    "a store in the owner's network": (
        lambda spec: spec["storage"]["s3"].update(endpoint="http://10.0.0.1:22"),
        "(allow.stores) refuses the task",
    ),
    "a base model at a port of the owner's network": (
        lambda spec: spec["task"]["model"].update(s3={"endpoint": "http://10.0.0.1:22"}),
        "(allow.stores) refuses the task",
    ),
    "too many GPUs": (lambda spec: spec["compute"].update(gpusPerNode=64), "(limits.gpus) refuses the task"),
    "too many nodes": (lambda spec: spec["compute"].update(nodes=1024, gpusPerNode=0), "(limits.nodes) refuses"),
    "a base model in the pod": (
        lambda spec: spec["task"]["model"].update(base="/data/tickets.jsonl"),
        "(allow.baseModels) refuses the task",
    ),
    "a base model outside its folder": (
        lambda spec: spec["task"]["model"].update(base="s3://models/../private/base"),
        "contains '..'",
    ),
    "a huge adapter": (
        lambda spec: spec["task"]["model"].setdefault("adapter", {}).update(rank=128),
        "(limits.adapterRank) refuses the task",
    ),
    "the hub's work": (
        lambda spec: spec["task"].update(work={"type": "Initialise", "seed": 1}),
        "Initialise is work of the hub",
    ),
    "unknown work": (lambda spec: spec["task"].update(work={"type": "Shell"}), "spec.task.work"),
    "another participant's task": (lambda spec: spec["task"].update(participant="bank-a"), "the task is for 'bank-a'"),
}
UNKNOWN: dict[str, Any] = {
    "another image": lambda spec: spec.update(image="evil.example/x"),
    "a command": lambda spec: spec.update(command=["sh", "-c", "id"]),
    "LD_PRELOAD": lambda spec: spec.update(env=[{"name": "LD_PRELOAD", "value": "/data/x.so"}]),
    "a host path": lambda spec: spec.update(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
    "a host path through compute": lambda spec: spec["compute"].update(hostPath="/"),
    "variables in the task": lambda spec: spec["task"].update(env={"LD_PRELOAD": "/data/x.so"}),
}
"""Fields that a task does not have. A receiver ignores them."""
STRICT: Json = {
    "allow": {"baseModels": ["s3://models/*"], "stores": [{"endpoint": "http://store:9000", "bucket": "runs"}]},
    "limits": {"gpus": 4, "nodes": 2, "adapterRank": 64},
}


@pytest.mark.parametrize(("change", "message"), MALICIOUS.values(), ids=MALICIOUS.keys())
def test_a_malicious_task_is_refused_and_creates_nothing(change: Any, message: str) -> None:
    remote = Remote()
    change_policy(remote, **STRICT)
    altered(remote, change)
    remote.reconcile()
    assert remote.jobs == []
    assert status(remote)["phase"] == "Refused"
    assert message in status(remote)["message"]
    assert {one.kind for one in remote.here.requests} == {"configmaps", "events"}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_image_command_variables_and_volumes_of_a_malicious_task_do_not_reach_the_job(change: Any) -> None:
    clean, remote = Remote(), Remote()
    clean.reconcile()
    altered(remote, change)
    remote.reconcile()
    assert [job["spec"] for job in remote.jobs] == [job["spec"] for job in clean.jobs]


@pytest.mark.parametrize("name", ["training", "training-namespace", "run", "round", "attempt", "kind"])
def test_a_task_whose_labels_name_other_work_is_refused(name: str) -> None:
    """The audit log lists the labels; the policy decides about the task."""
    remote = Remote()
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    body["metadata"]["labels"] |= {f"{labels.PREFIX}/{name}": "9"}
    remote.tasks.tasks.drop(body)
    remote.tasks.tasks.put(remote.hub.add("trainingtasks", body))
    remote.reconcile()
    assert remote.jobs == []
    assert (status(remote)["phase"], status(remote)["reason"]) == ("Refused", "OtherLabels")


def test_the_task_that_they_alter_is_taken() -> None:
    remote = Remote()
    change_policy(remote, **STRICT)
    remote.reconcile()
    assert len(remote.jobs) == 1


def test_labels_and_annotations_of_a_task_do_not_reach_the_owners_pods() -> None:
    remote = Remote()
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    body["metadata"]["labels"] |= {"app": "database", "kueue.x-k8s.io/queue-name": "all", labels.PARTICIPANT: "bank-a"}
    body["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/networks": "host"}
    remote.tasks.tasks.drop(body)
    remote.tasks.tasks.put(remote.hub.add("trainingtasks", body))
    remote.reconcile()
    (job,) = remote.jobs
    pod = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["metadata"]
    for metadata in (job["metadata"], pod):
        assert not {"app", "kueue.x-k8s.io/queue-name"} & metadata["labels"].keys()
        assert metadata["labels"][labels.PARTICIPANT] == "bank-b"
        assert "k8s.v1.cni.cncf.io/networks" not in metadata["annotations"]


def test_a_release_only_deletes_the_job_of_its_task() -> None:
    remote = Remote()
    foreign = {"metadata": {"name": remote.ref.name, "namespace": HERE, "labels": {"app": "other"}}, "spec": {}}
    remote.tasks.jobs.cache.put(remote.here.add("pytorchjobs", foreign))
    asyncio.run(remote.tasks.jobs.release(Ref(HUB, remote.ref.name)))
    assert len(remote.jobs) == 1


def secrets_of(remote: Remote) -> set[str]:
    """The Secrets that the job's pods mount."""
    (job,) = remote.jobs
    volumes = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["volumes"]
    return {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}


def name_secrets(spec: Json) -> None:
    """As a hub that would like to use the owner's Secrets."""
    spec["credentialsSecretRef"] = {"name": "fedtrain-participant-hub"}
    spec["task"]["model"]["s3"] = {"credentialsSecretRef": {"name": "database"}}


def test_pods_mount_the_signed_requests_of_their_task_and_no_secret_that_the_hub_names() -> None:
    remote = Remote()
    altered(remote, name_secrets)
    remote.reconcile()
    assert secrets_of(remote) == {labels.TRANSFER_SECRET, labels.FINGERPRINT_SECRET}
    (job,) = remote.jobs
    volumes = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["volumes"]
    (items,) = [volume["secret"]["items"] for volume in volumes if volume["name"] == "transfer"]
    assert items == [{"key": "uid-bank-b", "path": "grant.json.gz"}]
