"""An error of one participant's namespace is that participant's: the others continue, and the status names it."""

import asyncio
from pathlib import Path

import pytest
from fedtrain_operator.coordinator.executor import Executor
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.signatures import RENEWAL_SECONDS
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json, Kind
from tests.unit.operator.api_server import Fault, Request
from tests.unit.operator.federation import FOUR, OTHERS, TRAINING, Federation
from tests.unit.operator.worlds import SETTINGS

BANK_B = "at-bank-b"
WORDS = {
    403: ("Forbidden", "exceeded quota: no-tasks"),
    404: ("NotFound", 'namespaces "at-bank-b" not found'),
    409: ("Conflict", "the object has been modified"),
    422: ("Invalid", "spec: Invalid value"),
    429: ("TooManyRequests", "try again later"),
    500: ("InternalError", "failed calling webhook"),
    0: ("Timeout", "no answer within 0 s"),
}
PASSES = {409, 429, 500, 0}
"""Codes of errors that may pass by themselves: they are reported at the third try."""


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    return Federation(tmp_path / "ledger", monkeypatch)


def refusing(verb: str, kind: str, code: int, namespace: str = BANK_B) -> Fault:
    reason, message = WORDS[code]

    def fault(request: Request) -> ApiError | None:
        mine = (request.verb, request.kind, request.namespace) == (verb, kind, namespace)
        return ApiError(code, reason, message, causes=1, no_namespace=code == 404) if mine else None

    return fault


def tries(federation: Federation, count: int) -> None:
    """As many passes, each when the next try is due."""
    for _ in range(count):
        federation.reconcile()
        federation.time.now += 8


def assert_reported(federation: Federation, code: int, request: str) -> None:
    reason, message = WORDS[code]
    condition = federation.condition("TasksAccepted")
    error = f"{code} {reason}: {message}" if code else f"{reason}: {message}"
    assert (condition["status"], condition["reason"]) == ("False", "TaskRefused")
    assert condition["message"].startswith("bank-b: the API server ")
    assert f" to {request}: {error}. " in condition["message"]
    assert condition["message"].endswith("It is tried again by itself, at least every 60 s")
    assert ("TaskRefused", condition["message"]) in federation.warnings()
    assert condition["message"] in federation.status["message"]


@pytest.mark.parametrize("code", WORDS)
@pytest.mark.parametrize(
    ("kind", "request_words"),
    [("trainingtasks", "create its task"), ("secrets", "write the signed requests of its tasks")],
)
def test_a_namespace_that_refuses_new_objects_stops_no_other_participant(
    federation: Federation, kind: str, request_words: str, code: int
) -> None:
    federation.server.fault = refusing("create", kind, code)
    federation.apply()
    tries(federation, 3)
    created = {one["metadata"]["namespace"] for one in federation.server.all(kind)}
    assert created - {"hub"} == OTHERS
    assert federation.status["phase"] == "Initialising"
    assert_reported(federation, code, request_words)
    federation.server.fault = lambda _: None
    tries(federation, 1)
    assert {one["metadata"]["namespace"] for one in federation.server.all(kind)} - {"hub"} == {*OTHERS, BANK_B}
    assert federation.condition("TasksAccepted")["status"] == "True"


@pytest.mark.parametrize("code", sorted(set(WORDS) - {404}))  # a task that does not exist need not be cancelled
def test_a_namespace_that_refuses_a_cancellation_stops_no_other_participant(federation: Federation, code: int) -> None:
    federation.apply()
    federation.settle()
    federation.server.fault = refusing("patch", "trainingtasks", code)
    federation.change(suspend=True)
    tries(federation, 3)
    stopped = [one for one in federation.server.all("trainingtasks") if one["spec"]["desiredState"] == "Cancel"]
    assert {one["metadata"]["namespace"] for one in stopped} == OTHERS
    assert federation.status["phase"] == "Suspended"
    assert_reported(federation, code, "cancel its task")


def entries(federation: Federation, namespace: str) -> Json:
    """The signed requests in a namespace, by uid."""
    return federation.server.objects["secrets", namespace, labels.TRANSFER_SECRET]["data"]


@pytest.mark.parametrize("code", sorted(set(WORDS) - {404}))
def test_signed_requests_that_cannot_be_deleted_are_reported_and_deleted_later(
    federation: Federation, code: int
) -> None:
    federation.apply()
    federation.settle()
    federation.server.fault = refusing("patch", "secrets", code)
    federation.change(suspend=True)
    tries(federation, 3)
    left = {where for where in {*OTHERS, BANK_B} if entries(federation, where)}
    assert left == {BANK_B}
    assert_reported(federation, code, "delete the signed requests of its tasks")
    federation.server.fault = lambda _: None
    tries(federation, 1)
    assert entries(federation, BANK_B) == {}


@pytest.mark.parametrize("code", sorted(set(WORDS) - {404}))
def test_requests_that_cannot_be_renewed_stop_no_other_participant(federation: Federation, code: int) -> None:
    federation.apply()
    federation.settle()
    before = len(federation.grants.tasks)
    federation.server.fault = refusing("patch", "secrets", code)
    federation.time.now += RENEWAL_SECONDS
    tries(federation, 3)
    assert len(federation.grants.tasks) >= before + 4
    assert federation.namespaces("patch", "secrets") >= OTHERS
    assert_reported(federation, code, "write the signed requests of its tasks")


@pytest.mark.parametrize("code", [403, 500])
def test_a_namespace_whose_tasks_cannot_be_listed_stops_no_other_participant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    federation = Federation(tmp_path, monkeypatch, "hub", *(f"at-{who}" for who in FOUR))
    federation.streams.errors[BANK_B] = ApiError(code, *WORDS[code])
    federation.apply()
    tries(federation, 3)
    assert {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks")} == OTHERS
    assert_reported(federation, code, "list its tasks")


def test_an_error_that_may_pass_is_reported_once_it_has_repeated(federation: Federation) -> None:
    federation.server.fault = refusing("create", "trainingtasks", 500)
    federation.apply()
    tries(federation, 2)
    assert federation.condition("TasksAccepted")["status"] == "True"
    assert federation.warnings() == set()


def test_tries_have_growing_pauses_and_wake_the_next_pass(federation: Federation) -> None:
    federation.server.fault = refusing("create", "trainingtasks", 403)
    federation.apply()
    pauses: list[float] = []
    for _ in range(8):
        following = federation.reconcile()
        pauses.append(federation.state.memories[TRAINING].refusals.wake_after(federation.time.now) or 0.0)
        assert following.after is not None
        assert following.after <= pauses[-1]
        federation.time.now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    asked = len([one for one in federation.server.requests if one.namespace == BANK_B and one.kind == "trainingtasks"])
    federation.reconcile()
    federation.reconcile()
    again = len([one for one in federation.server.requests if one.namespace == BANK_B and one.kind == "trainingtasks"])
    assert again == asked + 1, "a pass that something else has woken does not ask again"


def test_a_plan_names_the_api_servers_reason_for_a_participant_that_could_not_be_asked(federation: Federation) -> None:
    federation.server.fault = refusing("create", "trainingtasks", 403)
    federation.apply(rounds={"count": 2, "minParticipants": 3, "deadline": "1h"})
    tries(federation, 1)
    federation.deliver_preflights("bank-a", "bank-c", "bank-d")
    federation.deliver_adapter()
    tries(federation, 1)
    for _ in range(12):
        federation.time.now += 300
        federation.reconcile()
    plan = federation.ledger.read(names.plan(1), Plan)
    assert plan is not None
    assert {member.participant for member in plan.members} == {"bank-a", "bank-c", "bank-d"}
    (absent,) = plan.absent
    assert absent.participant == "bank-b"
    assert absent.reason.endswith("the API server refused to create its task: 403 Forbidden: exceeded quota: no-tasks")
    tries(federation, 1)
    trained = {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks") if "-train-" in str(one)}
    assert trained == OTHERS, "later rounds continue too"
    assert federation.condition("TasksAccepted")["status"] == "False", "bank-b is asked in later rounds, too"


def test_a_refused_job_blocks_the_training_after_all_participants_have_tasks(
    federation: Federation,
) -> None:
    federation.server.fault = refusing("create", "jobs", 403, "hub")
    federation.apply()
    federation.reconcile()
    assert {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks")} == {*OTHERS, BANK_B}
    condition = federation.condition("TasksAccepted")
    words = (
        "the hub: the API server refused to create its Job: 403 Forbidden: exceeded quota: no-tasks. Ask the hub's "
        "administrator to correct this. It is tried again by itself, at least every 60 s"
    )
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "HubRefused", words)
    progressing = federation.condition("Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "Blocked")
    assert progressing["message"] == f"no progress since 1970-01-01T00:16:40Z: {words}"
    federation.server.fault = lambda _: None
    tries(federation, 1)
    federation.settle(2)
    assert [one["metadata"]["namespace"] for one in federation.server.all("jobs")] == ["hub"]
    assert federation.condition("Progressing")["status"] == "True"


@pytest.mark.parametrize("code", sorted(set(WORDS) - {404, 409}))
def test_a_deletion_ends_although_one_namespace_refuses_to_delete(federation: Federation, code: int) -> None:
    federation.apply()
    federation.settle()
    federation.server.fault = refusing("delete", "trainingtasks", code)
    federation.delete()
    federation.reconcile()
    assert {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks")} == {BANK_B}
    assert federation.training["metadata"]["finalizers"], "it is tried again for a while"
    federation.time.now += 121
    federation.reconcile()
    assert federation.training["metadata"]["finalizers"] == []
    ((reason, message),) = federation.warnings()
    assert reason == "ObjectsRemain"
    assert message.startswith("left behind, for the hub's administrator to delete: bank-b: the API server ")


def test_every_status_after_the_first_prints_another_line(federation: Federation) -> None:
    lines: list[object] = []
    write = federation.server.write_status

    async def watched(kind: Kind, body: Json, status: Json) -> Json | None:
        columns = [status.get(field) for field in ("round", "phase", "participants", "metric")]
        lines.append((*columns, (status.get("elapsed") or {}).get("seconds")))
        return await write(kind, body, status)

    federation.server.write_status = watched
    federation.apply()
    for fault in (lambda _: None, refusing("create", "trainingtasks", 403), refusing("create", "jobs", 403, "hub")):
        federation.server.fault = fault
        for body in [*federation.server.all("trainingtasks"), *federation.server.all("jobs")]:
            federation.state.tasks.drop(body)
            federation.state.jobs.drop(body)
        federation.server.objects = {key: one for key, one in federation.server.objects.items() if key[0] != "jobs"}
        tries(federation, 2)
    assert len(lines) >= 3
    assert len(lines) == len(set(lines))


def test_a_namespace_that_is_terminating_stops_no_other_participant(federation: Federation) -> None:
    words = "unable to create new content in namespace at-bank-b because it is being terminated"

    def terminating(request: Request) -> ApiError | None:
        mine = (request.verb, request.namespace) == ("create", BANK_B)
        return (
            ApiError(403, "Forbidden", f"{request.kind} is forbidden: {words}", 1, no_namespace=True) if mine else None
        )

    federation.server.fault = terminating
    federation.apply()
    tries(federation, 3)
    assert {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks")} == OTHERS
    condition = federation.condition("TasksAccepted")
    assert condition["reason"] == "TaskRefused"
    assert f"{words}. Ask the hub's administrator" in condition["message"]
    assert ("TaskRefused", condition["message"]) in federation.warnings()


@pytest.mark.parametrize("code", sorted(set(WORDS) - {404, 409}))  # these two mean that the task is gone
def test_tasks_of_earlier_rounds_that_cannot_be_deleted_stop_no_other_participant(
    federation: Federation, code: int
) -> None:
    federation.apply()
    federation.settle()
    for task in federation.server.all("trainingtasks"):
        federation.state.tasks.put(federation.server.add("trainingtasks", {**task, "status": {"phase": "Succeeded"}}))
    federation.server.fault = refusing("delete", "trainingtasks", code)
    memory = federation.state.memories[TRAINING]
    whole = FederatedTrainingSpec.model_validate(federation.training["spec"])
    requests = Requests(memory.refusals, federation.time)
    executor = Executor(federation.state, SETTINGS, TRAINING, whole, memory, {}, requests)
    asyncio.run(executor.apply(()))  # deletes the signed requests, without which no task is deleted
    asyncio.run(executor.clear(5))
    assert {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks")} == {BANK_B}
    assert requests.refused == {"bank-b"}
    assert " to delete its task: " in memory.refusals.messages()
