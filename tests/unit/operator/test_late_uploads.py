"""A trained update that the store did not take is uploaded by a job without GPUs."""

import json

import pytest
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.contracts.exit_codes import EXIT_SPOOLED
from fedtrain.manifests import labels
from tests.unit.operator.api_server import Request
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote
from tests.unit.operator.test_policy_at_work import change_policy


def spooling() -> Remote:
    """A participant whose policy names a volume for trained updates."""
    remote = Remote()
    policy = remote.here.objects["participantpolicies", HERE, "bank-b"]
    spec = {**policy["spec"], "spool": {"volumeClaim": "spool"}}
    remote.tasks.policies.put(remote.here.add("participantpolicies", {**policy, "spec": spec}))
    return remote


def end_spooled(remote: Remote) -> None:
    """The pod has trained, and the store did not take the update."""
    (job,) = remote.jobs
    failed = {**job, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    remote.tasks.jobs.cache.put(remote.here.add("pytorchjobs", failed))
    ended = {"exitCode": 1, "message": json.dumps({"code": EXIT_SPOOLED, "reason": "the store is down"})}
    container = {"name": "pytorch", "state": {"terminated": ended}}
    pod = {"metadata": {"name": "master-0", "namespace": HERE}}
    remote.here.add("pods", {**pod, "status": {"phase": "Failed", "containerStatuses": [container]}})


def test_a_job_without_gpus_uploads_an_update_that_the_store_did_not_take() -> None:
    remote = spooling()
    remote.reconcile()
    (job,) = remote.jobs
    assert job["metadata"]["annotations"][labels.GPUS] == "2"
    for _ in range(2):
        end_spooled(remote)
        remote.reconcile()
        status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
        assert (status["phase"], status["reason"]) == ("Pending", "Uploading")
        assert "waits for the store: the store is down" in status["message"]
        assert remote.jobs == []
        remote.reconcile()
        (job,) = remote.jobs
        assert job["metadata"]["annotations"][labels.GPUS] == "0"
        (replica,) = job["spec"]["pytorchReplicaSpecs"].values()
        (container,) = replica["template"]["spec"]["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        assert variables["FEDTRAIN_UPLOAD"] == "1"
        mount = {"name": "spool", "mountPath": variables["FEDTRAIN_SPOOL"], "subPath": "uid-bank-b"}
        assert mount in container["volumeMounts"]
        assert "nvidia.com/gpu" not in json.dumps(container.get("resources"))


def gpus(remote: Remote) -> str:
    (job,) = remote.jobs
    return job["metadata"]["annotations"][labels.GPUS]


def test_no_gpus_are_asked_for_again_after_a_report_that_did_not_reach_the_hub() -> None:
    remote = spooling()
    remote.reconcile()
    end_spooled(remote)

    def fault(request: Request) -> ApiError | None:
        return ApiError(503, "Unavailable", "no hub") if request.kind == "trainingtasks/status" else None

    remote.hub.fault = fault
    with pytest.raises(ApiError):
        remote.reconcile()
    remote.hub.fault = lambda _: None
    for _ in range(2):
        remote.reconcile()
    assert gpus(remote) == "0"


def test_no_gpus_are_asked_for_again_after_a_report_on_a_task_that_has_changed_meanwhile() -> None:
    remote = spooling()
    remote.reconcile()
    end_spooled(remote)
    remote.hub.add("trainingtasks", remote.hub.objects["trainingtasks", HUB, remote.ref.name])
    for _ in range(3):
        remote.reconcile()
    assert gpus(remote) == "0"


def test_a_job_that_could_not_be_deleted_after_the_report_is_deleted_by_the_next_pass() -> None:
    remote = spooling()
    remote.reconcile()
    end_spooled(remote)
    remote.here.fault = lambda one: ApiError(503, "Unavailable", "no server") if one.verb == "delete" else None
    with pytest.raises(ApiError):
        remote.reconcile()
    remote.here.fault = lambda _: None
    for _ in range(2):
        remote.reconcile()
    assert gpus(remote) == "0"


@pytest.mark.parametrize("interrupt", ["suspended", "refused by the API server"])
def test_no_gpus_are_asked_for_again_after_the_upload_was_interrupted(interrupt: str) -> None:
    remote = spooling()
    remote.reconcile()
    end_spooled(remote)
    for _ in range(3):
        remote.reconcile()
    assert gpus(remote) == "0"
    if interrupt == "suspended":
        change_policy(remote, suspend=True)
    else:
        remote.tasks.jobs.cache.drop(remote.here.objects.pop(("pytorchjobs", HERE, remote.ref.name)))
        refused = ApiError(403, "Forbidden", "no jobs on Sundays")
        remote.here.fault = lambda one: refused if (one.verb, one.kind) == ("create", "pytorchjobs") else None
    for _ in range(2):
        remote.reconcile()
    assert remote.jobs == []
    remote.here.fault = lambda _: None
    if interrupt == "suspended":
        change_policy(remote, suspend=False)
    remote.reconcile()
    assert gpus(remote) == "0"
