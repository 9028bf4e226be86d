"""Which tasks run beside each other, which are stopped, and what a gather makes of damaged objects."""

from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.records import Evaluation
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.untrusted_records import Update
from fedtrain.rounds.decision import Cancel, Decision
from fedtrain.rounds.snapshot import TaskKey

DIGEST = "blake3:" + "0" * 64


def silent_third(rounds: int = 3) -> Coordinator:
    """Participants a and b have answered; the preflight of c still runs; round 1 is in training."""
    coordinator = Coordinator(World(a_spec(3, rounds=rounds, minimum=2, hub=True)))
    coordinator.step()
    for key in coordinator.running():
        if key.who != "c":
            coordinator.finish(key)
    coordinator.step()
    for key in coordinator.running():
        if key.who != "c":
            coordinator.finish(key)
    coordinator.wait(100)
    while coordinator.step().phase != "Training":
        pass
    return coordinator


def step_beside(coordinator: Coordinator, lingering: TaskKey) -> Decision:
    """One step, after which another task than this one comes to its end if there is nothing else to do."""
    decision = coordinator.step()
    others = [key for key in coordinator.running() if key != lingering]
    if others and not decision.actions:
        coordinator.finish(others[0])
    return decision


def the_silent_one(coordinator: Coordinator) -> list[int]:
    return [key.round for key in coordinator.running() if (key.kind, key.who) == ("Inspect", "c")]


def test_a_silent_participant_is_asked_on_in_every_stage_of_a_round_and_in_the_next():
    coordinator = silent_third()
    seen: list[str] = []
    while coordinator.world.ledger.size(names.manifest(2)) is None:
        decision = coordinator.step()
        seen.append(decision.phase)
        if decision.round < 3:
            assert the_silent_one(coordinator) == [1], f"one task of round 1 runs on, also in {decision.phase}"
        others = [key for key in coordinator.running() if key.kind != "Inspect"]
        if others and not decision.actions:
            coordinator.finish(others[0])
    assert {"Planning", "Training", "Closing", "Aggregating", "Evaluating", "Recording"} <= set(seen)


def test_no_preflight_is_started_when_no_later_round_could_use_it():
    coordinator = silent_third(rounds=1)
    assert the_silent_one(coordinator) == []


def test_a_silent_participant_is_not_asked_beyond_the_rounds_deadline():
    coordinator = silent_third()
    assert the_silent_one(coordinator) == [1]
    for key in coordinator.running():
        if key.kind == "Train":
            coordinator.finish(key)
    coordinator.until("Aggregating")
    coordinator.wait(100)
    coordinator.step()
    assert the_silent_one(coordinator) == []


def test_a_task_whose_record_is_in_is_left_to_end_by_itself():
    world = World(a_spec(2, rounds=2))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    lingering = coordinator.running()[0]
    world.execute(lingering, coordinator.orders[lingering])
    coordinator.finish(coordinator.running()[1])
    while step_beside(coordinator, lingering).round < 2:
        assert lingering in coordinator.running()


def test_a_task_that_never_ends_after_its_record_is_stopped_when_the_next_round_is_over():
    world = World(a_spec(2, rounds=3))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    lingering = coordinator.running()[0]
    world.execute(lingering, coordinator.orders[lingering])
    while step_beside(coordinator, lingering).round < 3:
        assert lingering in coordinator.running()
    assert Cancel(lingering) in coordinator.decided[-1].actions


def test_an_update_that_arrives_under_an_older_attempt_stops_the_newer_one():
    world = World(a_spec(2, rounds=1, retries=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    first = coordinator.running()[0]
    order = coordinator.orders[first]
    coordinator.lose(first)
    coordinator.wait(5)
    coordinator.step()
    coordinator.step()
    world.execute(first, order)
    decision = coordinator.step()
    assert [a.key.attempt for a in decision.actions if isinstance(a, Cancel)] == [2]


def test_damaged_and_foreign_update_records_are_faults_with_reasons_and_never_stop_the_gather():
    world = World(a_spec(1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0])
    good = world.ledger.read(names.update(1, "a", 1), Update)
    assert good is not None
    world.store.create(f"default/demo/{names.update(1, 'a', 2)}", b"{half")
    world.ledger.claim(names.update(1, "a", 3), good)
    world.ledger.claim(names.update(1, "a", 4), good.model_copy(update={"attempt": 4, "file": "../../../run.json"}))
    world.store.create(f"default/demo/{names.round_folder(1)}/updates/a/record.json", b"no attempt's")
    world.store.create(f"default/demo/{names.round_folder(1)}/updates/a/x/record.json", b"no attempt's")
    current = coordinator.look().ledger.current
    assert list(current.updates) == [("a", 1)]
    starts = {
        2: "its record.json: not a valid Update record: it is not valid JSON",
        3: "its record.json: holds the record of another object",
        4: "its record.json: not a valid Update record: file: String should match pattern",
    }
    assert {attempt: reason[: len(starts[attempt])] for (_, attempt), reason in current.faults.items()} == starts


def test_a_new_gatherer_sees_the_same_as_an_old_one():
    world = World(a_spec(2, rounds=3, hub=True, measured=True))
    coordinator = Coordinator(world)
    while (decision := coordinator.step()).phase != "Succeeded":
        assert coordinator.gatherer.gather() == Coordinator(world).gatherer.gather()
        if coordinator.orders and not decision.actions:
            coordinator.finish(coordinator.running()[0])


def test_a_suspended_run_stops_even_what_would_end_by_itself():
    world = World(a_spec(2))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    lingering = coordinator.running()[0]
    world.execute(lingering, coordinator.orders[lingering])
    coordinator.suspended = True
    assert coordinator.step().phase == "Suspended"
    assert coordinator.running() == []


def test_an_evaluation_of_an_older_close_does_not_stand_for_the_newer_one():
    world = World(a_spec(3, rounds=1, minimum=2, hub=True))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0], "poison")
    coordinator.until("Aggregating")
    base = world.ledger.read(names.evaluation(0, 0), Evaluation)
    assert base is not None
    world.ledger.claim(names.evaluation(1, 1), base.model_copy(update={"round": 1, "k": 1}))
    assert coordinator.drive().phase == "Succeeded"
    assert world.manifests()[1].k == 2
    assert world.manifests()[1].evaluation == world.ledger.digest(names.evaluation(1, 2))


def test_all_tasks_that_load_the_base_model_carry_its_fingerprint_also_after_a_crash_in_any_round():
    recorded = BaseFingerprint(settings=DIGEST, tokenizer=DIGEST, weights=DIGEST)
    coordinator = Coordinator(World(a_spec(2, rounds=2, hub=True, measured=True), base=recorded))
    carried: dict[str, list[BaseFingerprint | None]] = {}
    while coordinator.step().phase != "Succeeded":
        for key, order in coordinator.orders.items():
            if isinstance(order, Task):
                carried.setdefault(key.kind, []).append(order.base_fingerprint)
        if running := coordinator.running():
            coordinator.finish(running[0])
            coordinator.crash()
    loading = {"Train", "Evaluate", "Measure"}
    assert carried.keys() == {"Inspect", "Initialise", *loading}
    for kind, found in carried.items():
        assert all(one == (recorded if kind in loading else None) for one in found), kind
