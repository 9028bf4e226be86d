"""The link of a participant drops before it sees its task or while it trains, while it uploads, and before it writes
the status of its task. The hub cannot tell the first two apart: it sees a task that runs, and no update.

`tests/controlplane/test_uploads_over_lost_links.py` cuts the link during an upload in parts; the hub sees no part."""

from collections.abc import Callable

import pytest
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from fedtrain.contracts.tasks import Task
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.rounds.unreachable import SILENT

CUT_OFF = "b"
DEADLINE_SECONDS = 100
Reached = Callable[[World, TaskKey, Task], None]


def nothing(world: World, key: TaskKey, task: Task) -> None:
    """Nothing has reached the store."""


def a_file(world: World, key: TaskKey, task: Task) -> None:
    """The update has, and its record has not."""
    folder = names.update_folder(key.round, key.who, key.attempt)
    world.store.create(f"default/demo/{folder}/cut.safetensors", b"an update")


def all_of_it(world: World, key: TaskKey, task: Task) -> None:
    """The update and its record have."""
    world.execute(key, task)


PHASES: dict[str, Reached] = {
    "before it sees the task, or while it trains": nothing,
    "while it uploads": a_file,
    "before it writes the status": all_of_it,
}
in_every_phase = pytest.mark.parametrize("reached", PHASES.values(), ids=PHASES.keys())


def cut_off(reached: Reached) -> tuple[World, Coordinator, TaskKey]:
    """A round of two participants in which one is cut off, and the other has delivered."""
    world = World(a_spec(2, rounds=3, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    keys = {key.who: key for key in coordinator.running()}
    order = coordinator.orders[keys[CUT_OFF]]
    assert isinstance(order, Task)
    reached(world, keys[CUT_OFF], order)
    coordinator.silent = {CUT_OFF: "2025-06-01T12:00:00Z"}
    coordinator.finish(keys["a"])
    return world, coordinator, keys[CUT_OFF]


@in_every_phase
def test_a_link_that_is_lost_for_seconds_changes_no_digest(reached: Reached) -> None:
    undisturbed = World(a_spec(2, rounds=3, minimum=1))
    Coordinator(undisturbed).drive()
    world, coordinator, key = cut_off(reached)
    coordinator.wait(DEADLINE_SECONDS / 10)
    coordinator.step()
    coordinator.silent = {}
    if key in coordinator.orders:
        coordinator.finish(key)
    assert coordinator.drive().phase == "Succeeded"
    assert [one.adapter for one in world.manifests()] == [one.adapter for one in undisturbed.manifests()]
    assert not [name for name in world.ledger.names("rounds/") if "/attempts/" in name], "nothing is trained twice"


@in_every_phase
def test_a_link_that_is_lost_past_the_deadline_costs_at_most_the_round(reached: Reached) -> None:
    world, coordinator, key = cut_off(reached)
    order = coordinator.orders[key]
    coordinator.wait(DEADLINE_SECONDS)
    coordinator.until("Planning")
    first = world.manifests()[1]
    delivered = reached is all_of_it
    assert [one.participant for one in first.absent] == ([] if delivered else [CUT_OFF])
    assert all(SILENT in one.reason for one in first.absent)

    world.execute(key, order)
    coordinator.silent = {}
    assert coordinator.drive().phase == "Succeeded"
    assert world.manifests()[1] == first, "an update that is late changes nothing"
    assert [one.participant for one in world.manifests()[2].absent] == [CUT_OFF], "planned while it was silent"
    assert world.manifests()[3].absent == ()
    plan = world.ledger.read(names.plan(3), Plan)
    assert plan is not None
    assert [member.participant for member in plan.members] == ["a", CUT_OFF]
