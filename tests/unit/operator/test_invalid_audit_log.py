"""An audit log that somebody has changed into something else stops tasks until it is restored or deleted."""

import asyncio

import pytest

from fedtrain.contracts.audit import AuditFile
from fedtrain.manifests.audit_log import NAME, current
from tests.unit.operator.test_journal import lines, more_tasks
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote


def invalid(remote: Remote, name: str = NAME) -> None:
    remote.here.add("configmaps", {"metadata": {"name": name, "namespace": HERE}, "data": {"log": "x"}})


@pytest.mark.parametrize("starts_invalid", [True, False], ids=["invalid from the start", "changed while in use"])
@pytest.mark.parametrize("restored", [True, False], ids=["restored", "deleted"])
def test_a_changed_config_map_stops_new_tasks_until_it_is_restored_or_deleted(
    starts_invalid: bool, restored: bool
) -> None:
    remote = Remote()
    (other,) = more_tasks(remote, 1)
    if not starts_invalid:
        asyncio.run(remote.tasks.reconcile(other))
    before = remote.here.objects.get(("configmaps", HERE, NAME))
    invalid(remote)
    for _ in range(2):
        remote.reconcile()
    assert len(remote.jobs) == (0 if starts_invalid else 1)
    message = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]["message"]
    assert "fedtrain-audit is not a file of the audit log. Restore it, or delete it" in message
    del remote.here.objects["configmaps", HERE, NAME]
    if restored:
        remote.here.add("configmaps", before or current(AuditFile(), HERE, "bank-b"))
    remote.reconcile()
    assert remote.ref.name in [job["metadata"]["name"] for job in remote.jobs]
    assert [line.task for line in lines(remote)][-1] == remote.ref.name


def test_a_changed_config_map_of_a_complete_file_is_named_and_stops_no_task_once_it_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fedtrain.contracts.audit.FILE_BYTES", 8 * 1024 + 100)  # one line in each file
    remote = Remote()
    (other,) = more_tasks(remote, 1)
    asyncio.run(remote.tasks.reconcile(other))
    invalid(remote, f"{NAME}-0001")
    remote.reconcile()
    message = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]["message"]
    assert "fedtrain-audit-0001 is not a file of the audit log. Restore it, or delete it" in message
    del remote.here.objects["configmaps", HERE, f"{NAME}-0001"]
    remote.reconcile()
    assert [line.task for line in lines(remote)] == [other.name, remote.ref.name]
