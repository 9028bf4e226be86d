"""A plan that is not this run's stops the run, which names it."""

import re
from collections.abc import Callable

import pytest
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.records import Plan
from fedtrain.ledger.store import LedgerCorrupt


def planned() -> World:
    """Return a world whose round 1 has its plan."""
    world = World(a_spec(2, rounds=1, minimum=1))
    Coordinator(world).until("Training")
    return world


def replace_plan(world: World, content: bytes) -> None:
    world.store.delete(f"default/demo/{names.plan(1)}")
    assert world.store.create(f"default/demo/{names.plan(1)}", content)


def forged_plan(**changes: object) -> Callable[[World, Plan], bytes]:
    return lambda world, plan: canonical(plan.model_copy(update=changes))


def with_member(participant: str) -> Callable[[World, Plan], bytes]:
    def made(world: World, plan: Plan) -> bytes:
        other = plan.members[0].model_copy(update={"participant": participant})
        return canonical(plan.model_copy(update={"members": (*plan.members, other)}))

    return made


FORGED_PLANS: dict[str, tuple[Callable[[World, Plan], bytes], str]] = {
    "a stranger": (with_member("ghost"), "lists ghost, which is not a participant"),
    "a member twice": (with_member("a"), "lists a member twice"),
    "a member without preflight": (forged_plan(preflights=()), "has no preflight of its member a"),
    "a position of a stranger": (forged_plan(positions={"ghost": 1}), "lists ghost, which is not a participant"),
    "another previous round": (forged_plan(previous="blake3:" + "1" * 64), "does not follow the manifest"),
}


@pytest.mark.parametrize("kind", FORGED_PLANS)
def test_a_forged_plan_fails_the_run_and_is_named(kind: str) -> None:
    make, reason = FORGED_PLANS[kind]
    world = planned()
    plan = world.ledger.read(names.plan(1), Plan)
    assert plan is not None
    replace_plan(world, make(world, plan))
    restarted = Coordinator(world)
    assert restarted.drive().phase == "Failed"
    message = restarted.decided[-1].message
    assert re.search(f"rounds/0001/plan.json is not this run's: it .*{re.escape(reason)}", message), message


NOT_RECORDS: dict[str, tuple[bytes, str]] = {
    "half of it": (b"{", "not a valid Plan record"),
    "a negative position": (b'{"positions":{"a":-5}}', "not a valid Plan record"),
}


@pytest.mark.parametrize("kind", NOT_RECORDS)
def test_a_plan_that_is_not_a_record_stops_the_run_and_is_named(kind: str) -> None:
    content, reason = NOT_RECORDS[kind]
    world = planned()
    replace_plan(world, content)
    with pytest.raises(LedgerCorrupt, match=f"rounds/0001/plan.json.*{reason}"):
        Coordinator(world).look()


def test_a_plan_of_another_run_stops_the_run_and_is_named() -> None:
    world = planned()
    plan = world.ledger.read(names.plan(1), Plan)
    assert plan is not None
    replace_plan(world, canonical(plan.model_copy(update={"run_id": "run-2"})))
    with pytest.raises(LedgerCorrupt, match=r"rounds/0001/plan.json: belongs to another run"):
        Coordinator(world).look()
