"""An operator that restarts knows the lines of complete files of the audit log, too: tasks that run may have started in
one of them."""

import asyncio
from collections.abc import Callable

import pytest
from fedtrain_operator.participant import audit_log

from fedtrain.manifests.audit_log import NAME
from fedtrain.manifests.kinds import Json
from tests.unit.operator.test_journal import lines, more_tasks, restarted, suspend
from tests.unit.operator.test_participant_sites import HERE, Remote
from tests.unit.operator.test_policy_at_work import change_policy


@pytest.fixture(autouse=True)
def one_line_in_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedtrain.contracts.audit.FILE_BYTES", 8 * 1024 + 100)


def delete(remote: Remote) -> None:
    remote.delete_task()
    remote.reconcile()


@pytest.mark.parametrize("later", [0, 3], ids=["in the current file", "in a complete file"])
@pytest.mark.parametrize(("then", "event"), [(delete, "Cancelled"), (suspend, "Stopped")])
def test_the_end_of_a_task_that_started_before_is_noted(then: Callable[[Remote], None], event: str, later: int) -> None:
    remote = Remote()
    remote.reconcile()
    for other in more_tasks(remote, later):
        asyncio.run(remote.tasks.reconcile(other))
    then(restarted(remote))
    found = [(line.event, line.task) for line in lines(remote)]
    assert found[1 + later :] == [(event, remote.ref.name)]


def test_a_hub_cannot_fill_the_log_with_refusals_while_the_operator_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "MOST_OBJECTIONS", 2)
    remote = Remote()
    change_policy(remote, allow={"requesters": [{"namespace": "other"}]})
    for task in more_tasks(remote, 3):
        remote = restarted(remote)
        remote.tasks.tasks.put(remote.hub.objects["trainingtasks", task.namespace, task.name])
        remote.ref = task
        remote.reconcile()
    assert [line.event for line in lines(remote)] == ["Refused", "Refused", "Omitted"]


@pytest.mark.parametrize("changed", [{}, {"data": {"log": "x"}}], ids=["deleted", "changed"])
def test_a_complete_file_that_cannot_be_read_keeps_no_task_from_starting(changed: Json) -> None:
    remote = Remote()
    for other in more_tasks(remote, 3):
        asyncio.run(remote.tasks.reconcile(other))
    first = remote.here.objects.pop(("configmaps", HERE, f"{NAME}-0001"))
    if changed:
        remote.here.add("configmaps", {**first, **changed})
    remote = restarted(remote)
    remote.reconcile()
    assert remote.ref.name in [job["metadata"]["name"] for job in remote.jobs]
