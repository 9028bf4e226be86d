"""The plan of a round: who takes part, on what, and why the others don't."""

from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Plan
from fedtrain.rounds.planning import member_seed


def plans(world: World) -> list[Plan]:
    found: list[Plan] = []
    while (plan := world.ledger.read(names.plan(len(found) + 1), Plan)) is not None:
        found.append(plan)
    return found


def reasons(plan: Plan) -> dict[str, str]:
    return {absent.participant: absent.reason for absent in plan.absent}


def test_members_come_in_the_files_order_and_their_windows_follow_each_other():
    world = World(a_spec(3, rounds=3), {"a": 20, "b": 20, "c": 5})
    Coordinator(world).drive()
    rounds = plans(world)
    assert [[m.participant for m in plan.members] for plan in rounds] == [["a", "b", "c"]] * 3
    assert [[(m.start, m.samples) for m in plan.members] for plan in rounds] == [
        [(0, 4), (0, 4), (0, 4)],
        [(4, 4), (4, 4), (4, 4)],
        [(8, 4), (8, 4), (8, 4)],
    ]
    assert rounds[-1].positions == {"a": 12, "b": 12, "c": 12}
    assert all(m.distinct == 4 for plan in rounds for m in plan.members if m.participant != "c")


def test_a_plan_is_chained_to_the_manifest_before_and_covers_its_part_of_the_schedule():
    world = World(a_spec(1, rounds=4))
    Coordinator(world).drive()
    rounds = plans(world)
    assert [(p.progress_start, p.progress_end) for p in rounds] == [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]
    assert [p.previous for p in rounds] == [digest_of(manifest) for manifest in world.manifests()[:-1]]


def test_seeds_differ_by_run_seed_round_and_participant_and_fit_into_32_bits():
    seeds = {member_seed(s, r, who) for s in (17, 18) for r in (1, 2, 11) for who in ("a", "b", "1/a")}
    assert len(seeds) == 18
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert member_seed(17, 1, "a") == 2859934891


def test_a_participant_whose_data_is_used_up_sits_out_with_the_reason_and_keeps_its_position():
    spec = a_spec(
        2,
        rounds=3,
        minimum=1,
        partitioning={"strategy": "FixedSize", "fixedSize": {"samples": 6}, "onExhausted": "Clip"},
    )
    world = World(spec, {"a": 20, "b": 8})
    assert Coordinator(world).drive().phase == "Succeeded"
    first, second, third = plans(world)
    assert [(m.participant, m.samples) for m in first.members] == [("a", 6), ("b", 6)]
    assert [(m.participant, m.samples) for m in second.members] == [("a", 6), ("b", 2)]
    assert [m.participant for m in third.members] == ["a"]
    assert "used up" in reasons(third)["b"]
    assert third.positions == {"a": 18, "b": 8}


def test_a_participant_that_refused_to_count_is_absent_with_its_reason():
    world = World(a_spec(2, minimum=1))
    coordinator = Coordinator(world)
    coordinator.step()
    coordinator.lose(next(k for k in coordinator.running() if k.who == "b"), retryable=False, reason="no such file")
    coordinator.until("Planning")
    assert reasons(plans(world)[0]) == {"b": "its data was not counted: no such file"}


def test_a_round_with_too_few_members_is_planned_and_then_ends_through_the_same_door_as_any_other():
    partitioning = {"strategy": "FixedSize", "fixedSize": {"samples": 20}, "onExhausted": "Idle"}
    failing = World(a_spec(2, rounds=2, partitioning=partitioning))
    failed = Coordinator(failing).drive()
    assert failed.phase == "Failed"
    assert "round 2 needs 2 valid updates and can have 0: a: 0 samples are left, but a round needs 20" in failed.message
    skipping = World(a_spec(2, rounds=2, below="Skip", partitioning=partitioning))
    assert Coordinator(skipping).drive().phase == "Succeeded"
    assert [m.outcome for m in skipping.manifests()] == ["Initial", "Committed", "Skipped"]
    assert plans(skipping)[1].members == ()


def test_a_run_of_empty_data_fails_before_anything_is_planned():
    world = World(a_spec(2), {"b": 0})
    failed = Coordinator(world).drive()
    assert (failed.phase, failed.round) == ("Failed", 0)
    assert failed.message == "2 participants are needed and 1 can take part: b: it has no training samples"
