"""An operator that restarts notes how tasks end that started before."""

from collections.abc import Callable

import pytest

from tests.unit.operator.test_journal import lines, restarted, suspend
from tests.unit.operator.test_participant_sites import Remote


def delete(remote: Remote) -> None:
    remote.delete_task()
    remote.reconcile()


@pytest.mark.parametrize(("then", "event"), [(delete, "Cancelled"), (suspend, "Stopped")])
def test_the_end_of_a_task_that_started_before_is_noted(then: Callable[[Remote], None], event: str) -> None:
    remote = Remote()
    remote.reconcile()
    then(restarted(remote))
    assert [(line.event, line.task) for line in lines(remote)][1:] == [(event, remote.ref.name)]
