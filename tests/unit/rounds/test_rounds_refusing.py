"""Participants whose namespace takes no tasks: no round waits for one that has no task, if enough others remain."""

import pytest
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from fedtrain.rounds.decision import Decision, Start

WORDS = '404 NotFound: namespaces "at-b" not found'
REASON = f"its namespace takes no tasks: {WORDS}"


def members(world: World, round: int) -> list[str]:
    plan = world.ledger.read(names.plan(round), Plan)
    assert plan is not None
    return [member.participant for member in plan.members]


def started(decision: Decision) -> set[str]:
    return {action.key.who for action in decision.actions if isinstance(action, Start)}


def absent(world: World, round: int) -> dict[str, str]:
    return {one.participant: one.reason for one in world.manifests()[round].absent}


def test_a_round_does_not_wait_for_a_member_without_a_task_and_the_next_plan_leaves_it_out() -> None:
    world = World(a_spec(3, rounds=3, minimum=2))
    coordinator = Coordinator(world)
    coordinator.until("Planning")
    coordinator.refusing = {"b": WORDS}
    begun = world.now
    assert coordinator.drive().phase == "Succeeded"
    assert world.now == begun, "nothing waited for a deadline"
    assert [members(world, round) for round in (1, 2, 3)] == [["a", "b", "c"], ["a", "c"], ["a", "c"]]
    assert [absent(world, round) for round in (1, 2, 3)] == [{"b": REASON}] * 3


def test_it_takes_part_in_the_open_round_and_the_next_ones_once_its_namespace_takes_tasks() -> None:
    world = World(a_spec(2, rounds=2, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Planning")
    coordinator.refusing = {"b": WORDS}
    waiting = coordinator.step()
    assert (started(waiting), waiting.message) == ({"a"}, f"0 of 2 updates, without b: {REASON}")
    coordinator.refusing = {}
    assert started(coordinator.step()) == {"b"}
    assert coordinator.drive().phase == "Succeeded"
    assert [absent(world, round) for round in (1, 2)] == [{}, {}]


def test_a_task_that_exists_is_awaited() -> None:
    world = World(a_spec(2, rounds=1, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.refusing = {"b": WORDS}
    assert coordinator.drive().phase == "Succeeded"
    assert absent(world, 1) == {}


def test_a_round_that_needs_it_waits_until_the_deadline_and_says_why() -> None:
    world = World(a_spec(2, rounds=1, minimum=2, below="Fail"))
    coordinator = Coordinator(world)
    coordinator.until("Planning")
    coordinator.refusing = {"b": WORDS}
    begun = world.now
    failed = coordinator.drive()
    assert world.now == begun + 100
    assert failed.message == (
        f"round 1 needs 2 valid updates and can have 1: b: it sent no update before the deadline of 100s, and {REASON}"
    )


def test_all_are_planned_where_the_others_would_be_fewer_than_the_minimum() -> None:
    world = World(a_spec(2, rounds=1, minimum=2))
    coordinator = Coordinator(world)
    coordinator.until("Initialising")
    coordinator.finish(next(key for key in coordinator.running() if key.who == "a"))
    coordinator.finish(next(key for key in coordinator.running() if key.who == "b"))
    coordinator.refusing = {"b": WORDS}
    coordinator.until("Planning")
    assert members(world, 1) == ["a", "b"]
    coordinator.refusing = {}
    assert coordinator.drive().phase == "Succeeded"
    assert absent(world, 1) == {}


def test_round_1_is_planned_without_its_data_and_a_later_one_with_it() -> None:
    world = World(a_spec(3, rounds=2, minimum=2))
    coordinator = Coordinator(world, refusing={"b": WORDS})
    begun = world.now
    coordinator.until("Planning")
    assert world.now == begun
    assert members(world, 1) == ["a", "c"]
    coordinator.refusing = {}
    assert coordinator.drive().phase == "Succeeded"
    assert members(world, 2) == ["a", "b", "c"]
    assert absent(world, 1) == {"b": f"its data was not counted: {REASON}"}


@pytest.mark.parametrize("minimum", [2, 3])
def test_round_0_waits_for_it_where_too_few_others_can_take_part(minimum: int) -> None:
    world = World(a_spec(3, rounds=1, minimum=minimum), {"a": 10, "b": 10, "c": 0})
    coordinator = Coordinator(world, refusing={"b": WORDS})
    begun = world.now
    failed = coordinator.drive()
    assert failed.phase == "Failed"
    assert world.now == begun + (100 if minimum == 2 else 0), "with 3, a participant without samples decides at once"


def test_the_end_of_a_run_does_not_wait_for_its_measurement() -> None:
    world = World(a_spec(2, rounds=1, minimum=1, measured=True))
    coordinator = Coordinator(world)
    coordinator.until("Closing")
    coordinator.refusing = {"b": WORDS}
    begun = world.now
    assert coordinator.drive().phase == "Succeeded"
    assert world.now == begun
