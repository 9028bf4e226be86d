"""Attempts, retries and back-off of one participant, and the close that lists them."""

import pytest
from rounds_coordinator import Coordinator
from rounds_world import Flaw, World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Grant
from fedtrain.rounds.attempts import LONGEST_REASON, back_off
from fedtrain.rounds.decision import Cancel, Claim, Start
from fedtrain.rounds.snapshot import Execution, TaskKey


def in_training(participants: int = 1, *, retries: int = 0, minimum: int | None = None) -> tuple[World, Coordinator]:
    world = World(a_spec(participants, rounds=2, retries=retries, minimum=minimum))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    return world, coordinator


def close_of(world: World, k: int = 1) -> Close:
    close = world.ledger.read(names.close(1, k), Close)
    assert close is not None
    return close


def test_a_failed_attempt_is_retried_after_its_back_off_and_not_before():
    world, coordinator = in_training(retries=1)
    coordinator.lose(coordinator.running()[0], reason="out of memory")
    waiting = coordinator.step()
    due = back_off("run-1", 1, "a", 1)
    assert (waiting.phase, waiting.actions, waiting.wake_after) == ("Training", (), pytest.approx(due))
    coordinator.wait(due)
    coordinator.step()
    grant = world.ledger.read(names.grant(1, "a", 2), Grant)
    assert grant is not None
    assert (grant.attempt, grant.epoch, grant.cause, grant.reason) == (2, 1, "Failed", "out of memory")
    coordinator.step()
    assert [key.attempt for key in coordinator.running()] == [2]


def refuse(coordinator: Coordinator, key: TaskKey) -> None:
    """The ledger refuses a write of this task."""
    del coordinator.orders[key]
    reason = "access is denied"
    now = coordinator.world.now
    coordinator.executions[key] = Execution("Failed", now, retryable=False, reason=reason, ledger_refused=True)


def test_an_attempt_that_the_ledger_refused_is_repeated_without_using_a_retry():
    world, coordinator = in_training(participants=2, retries=0)
    coordinator.finish(coordinator.running()[0])
    for number in range(1, 5):
        refuse(coordinator, coordinator.running()[0])
        waiting = coordinator.step()
        assert waiting.message == "1 of 2 updates; waiting for the ledger: b: access is denied"
        coordinator.wait(back_off("run-1", 1, "b", number))
        coordinator.step()
        coordinator.step()
    grant = world.ledger.read(names.grant(1, "b", 5), Grant)
    assert grant is not None
    assert (grant.cause, grant.reason) == ("LedgerRefused", "access is denied")
    coordinator.finish(coordinator.running()[0])
    coordinator.drive()
    assert [(one.participant, one.attempt) for one in close_of(world).updates] == [("a", 1), ("b", 5)]


def test_a_participant_whose_writes_are_refused_until_the_deadline_is_left_out_with_the_refusal():
    world, coordinator = in_training(participants=2, retries=0, minimum=1)
    coordinator.finish(coordinator.running()[0])
    refuse(coordinator, coordinator.running()[0])
    coordinator.wait(1000)
    coordinator.step()
    (absent,) = close_of(world).absent
    assert absent.participant == "b"
    assert absent.reason.startswith("it sent no update before the deadline of ")
    assert absent.reason.endswith(": access is denied")


def test_back_off_doubles_up_to_a_minute_and_its_jitter_depends_on_nothing_but_the_attempt():
    assert back_off("r", 1, "a", 1) == back_off("r", 1, "a", 1) != back_off("r", 1, "b", 1)
    for attempt in range(1, 40):
        middle = min(2.0 ** (attempt - 1), 60.0)
        assert middle / 2 <= back_off("r", 1, "a", attempt) < middle * 1.5


def test_no_more_attempts_are_made_than_the_retries_allow():
    world, coordinator = in_training(retries=2)
    for _ in range(2):
        coordinator.lose(coordinator.running()[0])
        coordinator.wait(5)
        coordinator.step()
        coordinator.step()
    coordinator.lose(coordinator.running()[0], reason="out of memory")
    failed = coordinator.drive()
    assert failed.phase == "Failed"
    assert "a: out of memory (attempt 3, no retry left)" in failed.message
    assert world.ledger.read(names.grant(1, "a", 4), Grant) is None


def test_a_refusal_is_not_tried_again_whatever_retries_are_left():
    _, coordinator = in_training(retries=5)
    coordinator.lose(coordinator.running()[0], retryable=False, reason="the loss is NaN")
    assert "a: the loss is NaN" in coordinator.drive().message


def test_a_round_names_the_participants_that_it_continues_without():
    _, coordinator = in_training(participants=3, minimum=1)
    coordinator.lose(coordinator.running()[0], retryable=False, reason="row 7 has no completion")
    decision = coordinator.step()
    assert (decision.phase, decision.message) == ("Training", "0 of 3 updates, without a: row 7 has no completion")


def test_a_member_that_waited_until_the_deadline_is_absent_with_what_it_waited_for():
    world, coordinator = in_training(participants=2, minimum=1)
    first, second = coordinator.running()
    coordinator.executions[first] = Execution("Running", reason="no node has 2 GPUs free")
    coordinator.finish(second)
    coordinator.pass_time(100)
    coordinator.until("Aggregating")
    (absent,) = close_of(world).absent
    assert absent.reason == "it sent no update before the deadline of 100s: no node has 2 GPUs free"


def test_an_attempt_that_failed_before_is_not_what_a_member_waited_for_at_the_deadline():
    world, coordinator = in_training(participants=2, minimum=1, retries=1)
    first, second = coordinator.running()
    coordinator.lose(first, reason="out of memory")
    coordinator.finish(second)
    coordinator.wait(5)
    coordinator.step()
    coordinator.step()
    coordinator.pass_time(100)
    coordinator.until("Aggregating")
    (absent,) = close_of(world).absent
    assert absent.reason == "it sent no update before the deadline of 100s"


def test_a_task_that_ends_without_its_record_has_failed():
    world, coordinator = in_training(retries=1)
    coordinator.vanish(coordinator.running()[0])
    assert coordinator.drive().phase == "Succeeded"
    grant = world.ledger.read(names.grant(1, "a", 2), Grant)
    assert grant is not None
    assert grant.reason == "it ended without leaving its record"


@pytest.mark.parametrize(("flaw", "said"), [("no file", "is missing"), ("short file", "bytes instead of")])
def test_a_record_without_its_whole_file_earns_a_new_attempt(flaw: Flaw, said: str):
    world, coordinator = in_training(retries=1)
    coordinator.finish(coordinator.running()[0], flaw)
    coordinator.crash()  # nothing that the executor knew of the attempt is needed
    assert coordinator.drive().phase == "Succeeded"
    grant = world.ledger.read(names.grant(1, "a", 2), Grant)
    assert grant is not None
    assert said in grant.reason
    assert [(u.participant, u.attempt) for u in close_of(world).updates] == [("a", 2)]


def test_the_lowest_complete_attempt_counts_even_if_it_came_last():
    world, coordinator = in_training(participants=2, retries=1)
    first = coordinator.running()[0]
    order = coordinator.orders[first]
    coordinator.lose(first)
    coordinator.wait(5)
    coordinator.step()
    coordinator.step()
    second = next(key for key in coordinator.running() if key.attempt == 2)
    coordinator.finish(second)
    world.execute(first, order)  # it was only believed to be dead
    coordinator.drive()
    assert [(u.participant, u.attempt) for u in close_of(world).updates] == [("a", 1), ("b", 1)]


def test_what_arrives_after_the_close_changes_nothing():
    world, coordinator = in_training(participants=2, minimum=1)
    late = coordinator.running()[1]
    order = coordinator.orders[late]
    coordinator.finish(coordinator.running()[0])
    coordinator.step()
    coordinator.wait(100)
    closing = coordinator.step()
    assert closing.phase == "Closing"
    assert Cancel(late) in closing.actions
    world.execute(late, order)
    coordinator.until("Planning")
    close = close_of(world)
    assert [u.participant for u in close.updates] == ["a"]
    assert [(x.participant, x.reason) for x in close.absent] == [("b", "it sent no update before the deadline of 100s")]
    assert world.manifests()[1].k == 1


def test_a_round_that_can_no_longer_reach_its_minimum_ends_at_once_and_stops_the_others():
    _, coordinator = in_training(participants=2)
    coordinator.lose(coordinator.running()[0], retryable=False)
    decision = coordinator.step()
    assert decision.phase == "Failed"
    assert coordinator.running() == []


def test_a_lost_coordinator_gives_an_unfinished_attempt_the_same_number_again():
    world, coordinator = in_training(participants=2)
    before = coordinator.running()
    coordinator.crash()
    decision = coordinator.step()
    assert [action.key for action in decision.actions if isinstance(action, Start)] == before
    assert coordinator.drive().phase == "Succeeded"
    assert not [name for name in world.ledger.names() if "/attempts/" in name]


def test_long_reasons_are_cut_before_they_reach_the_ledger():
    world, coordinator = in_training(participants=2, minimum=1)
    coordinator.lose(coordinator.running()[0], retryable=False, reason="x" * 5000)
    coordinator.lose(coordinator.running()[0], retryable=False, reason="y" * 5000)
    assert len(coordinator.drive().message) <= LONGEST_REASON
    coordinator.go_on()
    coordinator.until("Training")
    coordinator.step()
    coordinator.lose(coordinator.running()[0], retryable=False, reason="x" * 5000)
    coordinator.drive()
    assert [len(absent.reason) for absent in close_of(world).absent] == [LONGEST_REASON]


def test_of_two_coordinators_that_close_differently_the_first_decides():
    world, first = in_training(participants=2, minimum=1)
    second = Coordinator(world)
    first.finish(first.running()[0])
    second.look()
    first.wait(100)
    first.step()  # a alone, at its deadline
    late = second.act()
    assert not any(isinstance(action, Claim) for action in late.actions)
    second.step()
    assert [u.participant for u in close_of(world).updates] == ["a"]
    assert all(key.kind != "Train" for key in second.running())
