"""A participant reports in the task's status why its job or pods do not exist."""

import asyncio
from typing import Any

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.late_pods import LONGEST_START_SECONDS
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.task_reconciler import Tasks

from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.manifests.pytorch_job import PyTorchJobs
from tests.unit.operator.api_server import ApiServer, Request
from tests.unit.operator.federation import Time
from tests.unit.operator.worlds import signed, task

POD_CHECK = 10.0


class Participant:
    """The controller of bank-b, which has one task."""

    def __init__(self) -> None:
        self.server, self.time = ApiServer(), Time()
        launcher = PyTorchJobs("trainer:1", "IfNotPresent")
        sites = Sites(hub=self.server, here=self.server)
        self.tasks = Tasks(sites, launcher, pod_check=POD_CHECK, clock=self.time)
        policy = {"datasets": [{"name": "tickets", "uri": "/data/tickets.jsonl"}]}
        self.server.add(
            "participantpolicies", {"metadata": {"name": "bank-b", "namespace": "at-bank-b"}, "spec": policy}
        )
        compute = [{"name": "bank-a"}, {"name": "bank-b", "compute": {"nodes": 2}}]
        body = self.server.add("trainingtasks", task("bank-b", participants=compute))
        secret = signed(body["metadata"]["uid"])
        self.server.add("secrets", {**secret, "metadata": {**secret["metadata"], "namespace": "at-bank-b"}})
        self.ref = Ref("at-bank-b", body["metadata"]["name"])
        self.tasks.tasks.put(body)

    def reconcile(self) -> None:
        asyncio.run(self.tasks.reconcile(self.ref))

    def set_job(self, **status: Any) -> None:
        (job,) = self.server.all("pytorchjobs")
        self.tasks.jobs.cache.put(self.server.add("pytorchjobs", {**job, "status": status}))

    def add_event(self, body: Json, reason: str, message: str) -> None:
        about = {"uid": body["metadata"]["uid"]}
        event = {"type": "Warning", "reason": reason, "message": message, "involvedObject": about}
        self.server.add("events", {"metadata": {"name": reason, "namespace": "at-bank-b"}, **event})

    @property
    def status(self) -> Json:
        return self.server.objects["trainingtasks", self.ref.namespace, self.ref.name].get("status", {})

    def startable(self) -> Json:
        return find(self.status.get("conditions", ()), "Startable") or {}


def refusing(code: int, reason: str) -> Any:
    def fault(request: Request) -> ApiError | None:
        refused = (request.verb, request.kind) == ("create", "pytorchjobs")
        return ApiError(code, reason, "no GPUs on Sundays") if refused else None

    return fault


@pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (404, "NotFound"), (422, "Invalid")])
def test_a_job_that_the_api_server_refuses_is_reported_at_once_and_tried_again(code: int, reason: str) -> None:
    participant = Participant()
    participant.server.fault = refusing(code, reason)
    participant.reconcile()
    words = f"the API server refused the request: {code} {reason}: no GPUs on Sundays"
    assert participant.status["phase"] == "Pending"
    message = participant.status["message"]
    assert message.startswith(f"bank-b's PyTorchJob can't be created: {words}. Correct `pods` of bank-b's Participant")
    assert message.endswith(". It is tried again by itself")
    assert participant.startable()["reason"] == "NotCreated"
    participant.server.fault = lambda _: None
    participant.reconcile()
    assert len(participant.server.all("pytorchjobs")) == 1


def test_an_error_that_may_pass_is_reported_once_the_task_has_waited_for_it() -> None:
    participant = Participant()
    participant.server.fault = refusing(500, "InternalError")
    with pytest.raises(ApiError):
        participant.reconcile()
    assert participant.status == {}
    participant.time.now += POD_CHECK
    participant.reconcile()
    assert "the API server failed the request: 500 InternalError" in participant.status["message"]


def refusing_to_read(kind: str, code: int, reason: str) -> Any:
    def fault(request: Request) -> ApiError | None:
        return ApiError(code, reason, f"{kind} is locked") if request.kind == kind else None

    return fault


@pytest.mark.parametrize("kind", ["participantpolicies", "secrets"])
def test_an_error_before_the_job_is_created_does_not_blame_the_job(kind: str) -> None:
    participant = Participant()
    participant.server.fault = refusing_to_read(kind, 403, "Forbidden")
    participant.reconcile()
    assert participant.status["phase"] == "Pending"
    assert participant.status["message"] == (
        f"bank-b's task can't start: 403 Forbidden: {kind} is locked. Correct this, or ask the administrator of "
        "bank-b's cluster. It is tried again by itself"
    )
    assert participant.startable()["reason"] == "NotPrepared"
    participant.server.fault = lambda _: None
    participant.reconcile()
    assert len(participant.server.all("pytorchjobs")) == 1


def test_an_error_that_may_pass_before_the_job_is_created_asks_for_no_correction() -> None:
    participant = Participant()
    participant.server.fault = refusing_to_read("secrets", 503, "Unavailable")
    with pytest.raises(ApiError):
        participant.reconcile()
    participant.time.now += POD_CHECK
    participant.reconcile()
    words = "bank-b's task can't start: 503 Unavailable: secrets is locked. It is tried again by itself"
    assert participant.status["message"] == words


def test_a_worker_whose_pod_is_refused_is_reported_though_the_master_runs() -> None:
    participant = Participant()
    participant.reconcile()
    running = [{"type": "Running", "status": "True"}]
    participant.set_job(conditions=running, replicaStatuses={"Master": {"active": 1}, "Worker": {}})
    (job,) = participant.server.all("pytorchjobs")
    participant.server.add("pods", {"metadata": {"name": "small-master-0", "namespace": "at-bank-b"}, "status": {}})
    refusal = 'Error creating: pods "small-worker-0" is forbidden: violates PodSecurity "restricted:latest"'
    participant.add_event(job, "FailedCreatePod", refusal)
    participant.reconcile()
    words = "bank-b's pod can't be created: violates PodSecurity \"restricted:latest\". Correct `pods` of bank-b's"
    assert participant.status["message"].startswith(words)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({}, "bank-b's PyTorchJob has no status. Check that the training operator runs"),
        (
            {"conditions": [{"type": "Created", "status": "True"}]},
            "bank-b's PyTorchJob has 0 of 2 pods, and no event gives a reason. Read the log of the training operator",
        ),
        (
            {"conditions": [{"type": "Suspended", "status": "True", "message": "PyTorchJob small is suspended."}]},
            "bank-b's PyTorchJob is suspended: PyTorchJob small is suspended. It starts by itself once the queue "
            "admits it",
        ),
    ],
    ids=["no status", "no pods", "suspended"],
)
def test_missing_pods_are_reported_within_a_minute_though_no_event_gives_a_reason(status: Json, message: str) -> None:
    participant = Participant()
    participant.reconcile()
    participant.set_job(**status)
    participant.time.now += LONGEST_START_SECONDS - 1
    participant.reconcile()
    assert participant.status["message"] == ""
    participant.time.now += 1
    participant.reconcile()
    assert participant.status["message"] == message
    assert LONGEST_START_SECONDS + POD_CHECK <= 60


def test_pods_that_cannot_be_read_hide_the_reason_and_nothing_else() -> None:
    participant = Participant()
    participant.reconcile()
    participant.set_job(conditions=[{"type": "Created", "status": "True"}])
    participant.server.fault = lambda one: ApiError(403, "Forbidden", "no") if one.kind in ("pods", "events") else None
    participant.time.now += POD_CHECK
    participant.reconcile()
    assert (participant.status["phase"], participant.status["message"]) == ("Pending", "")
