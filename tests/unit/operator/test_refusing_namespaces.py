"""A namespace that takes no tasks until it is changed costs no deadline, and its participant returns by itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fedtrain_operator.kube.api_error import ApiError, error_of

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Plan
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.unreachable import REFUSING
from tests.unit.operator.api_server import Request
from tests.unit.operator.federation import FOUR, TRAINING, Federation

GONE = 'namespaces "at-bank-b" not found'
NO_RIGHT = (
    'User "system:serviceaccount:fedtrain:hub" cannot create resource "trainingtasks" in API group "fedtrain.dev" in '
    'the namespace "at-bank-b"'
)
LASTING = {
    "deleted": ApiError(404, "NotFound", GONE, no_namespace=True),
    "terminating": ApiError(403, "Forbidden", "because it is being terminated", causes=1, no_namespace=True),
    "without rights": ApiError(403, "Forbidden", f"trainingtasks.fedtrain.dev is forbidden: {NO_RIGHT}"),
}


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    return Federation(tmp_path / "ledger", monkeypatch)


def refusing(error: ApiError) -> Callable[[Request], ApiError | None]:
    def fault(request: Request) -> ApiError | None:
        mine = (request.verb, request.kind, request.namespace) == ("create", "trainingtasks", "at-bank-b")
        return error if mine else None

    return fault


def begin(federation: Federation) -> None:
    """Until all data is counted; the initial adapter is missing."""
    federation.apply(rounds={"count": 2, "minParticipants": 3, "deadline": "1h"})
    federation.settle(2)
    federation.deliver_preflights(*FOUR)


def pass_pauses(federation: Federation, count: int = 8) -> None:
    for _ in range(count):
        federation.reconcile()
        federation.time.now += 60


def plan(federation: Federation) -> Plan:
    found = federation.ledger.read(names.plan(1), Plan)
    assert found is not None
    return found


def asked(federation: Federation) -> list[bool]:
    """Requests to create a task of bank-b, and whether each was a try without effect."""
    return [
        "dryRun=All" in one.query
        for one in federation.server.requests
        if (one.verb, one.kind, one.namespace) == ("create", "trainingtasks", "at-bank-b")
    ]


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING)
def test_round_1_is_planned_without_it_before_the_deadline(federation: Federation, error: ApiError) -> None:
    federation.server.fault = refusing(error)
    federation.apply(rounds={"count": 2, "minParticipants": 3, "deadline": "1h"})
    federation.settle(2)
    federation.deliver_preflights("bank-a", "bank-c", "bank-d")
    federation.deliver_adapter()
    pass_pauses(federation, 4)
    assert [member.participant for member in plan(federation).members] == ["bank-a", "bank-c", "bank-d"]
    (absent,) = plan(federation).absent
    assert (absent.reason, absent.code) == (f"its data was not counted: {REFUSING}: {error}", "TasksRefused")
    condition = federation.condition("TasksAccepted")
    assert (condition["status"], condition["reason"]) == ("False", "TaskRefused")
    assert "A round with enough other participants does not wait for bank-b. It is tried again" in condition["message"]
    assert ("TaskRefused", condition["message"]) in federation.warnings()


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING)
def test_tries_without_effect_keep_the_condition_and_bring_it_back(federation: Federation, error: ApiError) -> None:
    begin(federation)
    federation.deliver_adapter()
    federation.server.fault = refusing(error)
    federation.settle()
    assert [member.participant for member in plan(federation).members] == list(FOUR), "no task was refused before"
    pass_pauses(federation)
    assert federation.condition("TasksAccepted")["status"] == "False"
    assert f"without bank-b: {REFUSING}: " in federation.status["message"]
    requests = asked(federation)
    tries = 3 if error.no_right else 1
    assert requests.count(False) == 1 + tries, "one to count its data, the others to train"
    assert requests.count(True) >= 4
    federation.server.fault = lambda _: None
    pass_pauses(federation, 2)
    trained = {one["metadata"]["namespace"] for one in federation.server.all("trainingtasks") if "-train-" in str(one)}
    assert trained == {f"at-{who}" for who in FOUR}
    assert federation.condition("TasksAccepted")["status"] == "True"


def deliver_all_but_bank_b(federation: Federation) -> None:
    """The updates of the others; bank-b trains."""
    begin(federation)
    federation.deliver_adapter()
    federation.settle()
    for who in ("bank-a", "bank-c", "bank-d"):
        federation.deliver_update(who)


def tasks(federation: Federation, namespace: str) -> list[Json]:
    """The training tasks in a namespace."""
    there = federation.server.all("trainingtasks")
    return [one for one in there if one["metadata"]["namespace"] == namespace and "-train-" in one["metadata"]["name"]]


def test_a_right_that_is_missing_for_a_moment_costs_no_round(federation: Federation) -> None:
    """A role binding is replaced at this moment, for example."""
    deliver_all_but_bank_b(federation)
    (task,) = tasks(federation, "at-bank-b")
    status = {"phase": "Failed", "reason": "its node was lost", "retryable": True}
    federation.state.tasks.put(federation.server.add("trainingtasks", {**task, "status": status}))
    federation.server.fault = refusing(LASTING["without rights"])
    while len(asked(federation)) < 3:
        federation.time.now += 0.5
        federation.reconcile()
    federation.time.now += 0.2
    federation.settle(2)
    assert federation.ledger.read(names.close(1, 1), Close) is None
    federation.server.fault = lambda _: None
    pass_pauses(federation, 2)
    assert len(tasks(federation, "at-bank-b")) == 2


def test_a_round_waits_for_a_task_that_a_restarted_operator_cannot_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation = Federation(tmp_path, monkeypatch, "hub", *(f"at-{who}" for who in FOUR))
    deliver_all_but_bank_b(federation)
    federation.restart()
    for one in federation.server.all("trainingtasks"):
        if one["metadata"]["namespace"] != "at-bank-b":
            federation.state.tasks.put(one)
    words = NO_RIGHT.replace("create", "list")
    federation.streams.errors["at-bank-b"] = ApiError(
        403, "Forbidden", f"trainingtasks.fedtrain.dev is forbidden: {words}"
    )
    for _ in range(8):
        federation.time.now += 10
        federation.settle(2)
    assert federation.ledger.read(names.close(1, 1), Close) is None
    assert "does not wait" not in federation.condition("TasksAccepted")["message"]
    federation.streams.errors.clear()
    for one in federation.server.all("trainingtasks"):
        federation.state.tasks.put(one)
    pass_pauses(federation, 2)
    (task,) = tasks(federation, "at-bank-b")
    assert task["spec"].get("desiredState") != "Cancel"


def test_another_refused_request_does_not_bring_it_back(federation: Federation) -> None:
    """The signed requests of a task cannot be deleted where the operator has no rights, for example."""
    begin(federation)
    federation.deliver_adapter()
    federation.server.fault = refusing(LASTING["deleted"])
    federation.settle()
    refusals = federation.state.memories[TRAINING].refusals
    refusals.note("bank-b", "delete the signed requests of its tasks", ApiError(500, "x", "y"), federation.time.now)
    assert refusals.refusing() == {"bank-b": f"404 NotFound: {GONE}"}


def test_the_condition_names_the_request_that_keeps_it_out(federation: Federation) -> None:
    """Not the one that was refused first: deleting the signed requests of an earlier round's task, for example."""
    begin(federation)
    federation.deliver_adapter()
    federation.settle()
    refusals = federation.state.memories[TRAINING].refusals
    refusals.note("bank-b", "delete the signed requests of its tasks", ApiError(403, "x", "y"), federation.time.now)
    refusals.note("bank-b", "create its task", LASTING["deleted"], federation.time.now)
    assert refusals.condition().message.startswith("bank-b: the API server refused to create its task: 404 NotFound")


def test_a_refusal_that_passes_by_itself_ends_the_tries_without_effect(federation: Federation) -> None:
    begin(federation)
    federation.deliver_adapter()
    federation.server.fault = refusing(LASTING["deleted"])
    federation.settle()
    federation.server.fault = refusing(ApiError(403, "Forbidden", "exceeded quota: no-tasks"))
    pass_pauses(federation, 4)
    assert federation.state.memories[TRAINING].refusals.refusing() == {}
    assert asked(federation)[-1] is False
    assert "exceeded quota" in federation.condition("TasksAccepted")["message"]
    assert "does not wait" not in federation.condition("TasksAccepted")["message"]


@pytest.mark.parametrize(
    ("code", "details", "expected"),
    [
        (404, '{"name": "at-bank-b", "kind": "namespaces"}', True),
        (404, '{"name": "x", "group": "fedtrain.dev", "kind": "trainingtasks"}', False),
        (403, '{"kind": "trainingtasks", "causes": [{"reason": "NamespaceTerminating"}]}', True),
        (403, '{"kind": "trainingtasks"}', False),
        (403, '{"causes": 3}', False),
        (403, '{"causes": ["NamespaceTerminating"]}', False),
    ],
)
def test_the_answer_says_whether_the_namespace_is_gone(code: int, details: str, expected: bool) -> None:
    assert error_of(code, f'{{"reason": "x", "message": "y", "details": {details}}}').no_namespace is expected


@pytest.mark.parametrize("prefix", ["fedtrain", "ours"])
def test_a_missing_right_has_the_command_that_grants_it(federation: Federation, prefix: str) -> None:
    """The chart names the roles after its release, not after the ServiceAccount."""
    error = ApiError(403, "Forbidden", NO_RIGHT)
    federation.server.fault = refusing(error)
    federation.apply(rounds={"count": 2, "minParticipants": 3, "deadline": "1h"})
    federation.restart(role_prefix=prefix)
    federation.settle(2)
    command = (
        f"`kubectl create rolebinding hub --namespace at-bank-b --clusterrole={prefix}-participant-namespace "
        "--serviceaccount=fedtrain:hub`"
    )
    assert federation.condition("TasksAccepted")["message"] == (
        "bank-b: the hub's operator has no right to create its task in namespace at-bank-b. Ask the hub's "
        f"administrator to run {command}. It is tried again by itself, at least every 60 s. "
        f"The API server's answer: {error}"
    )
