"""Refused requests of a participant, as its training's status shows them."""

from fedtrain_operator.coordinator.refusals import CREATE_TASK, LIST_TASKS, Refusals
from fedtrain_operator.kube.api_error import ApiError


def refused(verb: str) -> ApiError:
    return ApiError(403, "Forbidden", f'exceeded quota, so it cannot {verb} in the namespace "bank-b"')


def test_two_refused_requests_of_a_participant_do_not_alternate_in_the_condition() -> None:
    refusals, now, shown = Refusals(), 0.0, set[str]()
    for request, verb in ((LIST_TASKS, "list"), (CREATE_TASK, "create")) * 5:
        refusals.note("bank-b", request, refused(verb), now)
        shown.add(refusals.condition().message or "")
        now += 60.0
    assert len(shown) == 1
    assert LIST_TASKS in shown.pop()


def test_the_condition_names_the_other_request_once_the_first_is_no_longer_refused() -> None:
    refusals, now = Refusals(), 0.0
    refusals.note("bank-b", LIST_TASKS, refused("list"), now)
    for _ in range(4):
        now += 60.0
        refusals.note("bank-b", CREATE_TASK, refused("create"), now)
    assert CREATE_TASK in (refusals.condition().message or "")
