"""A run as a whole: what it goes through when all goes well, and when tasks hang, fail or lie."""

import pytest
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Close, Grant, Plan
from fedtrain.contracts.run_end import End, Failure


def test_a_run_without_trouble_goes_through_its_phases_in_order_and_succeeds():
    world = World(a_spec(2, rounds=2, hub=True, measured=True))
    coordinator = Coordinator(world)
    assert coordinator.drive().phase == "Succeeded"
    phases = [d.phase for d in coordinator.decided]
    ordered = [phase for phase, before in zip(phases, [None, *phases[:-1]], strict=True) if phase != before]
    a_round = ["Planning", "Training", "Closing", "Aggregating", "Evaluating", "Recording"]
    assert ordered == [
        "Initialising",
        "Evaluating",
        "Recording",
        *a_round,
        *a_round,
        "Measuring",
        "Recording",
        "Succeeded",
    ]


def test_manifests_are_chained_and_the_end_names_the_last():
    world = World(a_spec(2, rounds=3))
    Coordinator(world).drive()
    manifests = world.manifests()
    assert [m.outcome for m in manifests] == ["Initial", "Committed", "Committed", "Committed"]
    assert [m.step for m in manifests] == [0, 1, 2, 3]
    assert manifests[0].previous == digest_of(world.run)
    assert [m.previous for m in manifests[1:]] == [digest_of(m) for m in manifests[:-1]]
    end = world.ledger.read(names.END, End)
    assert end is not None
    assert (end.manifest, end.adapter) == (digest_of(manifests[-1]), manifests[-1].adapter)


def test_two_runs_of_the_same_updates_end_with_the_same_adapter_however_they_got_there():
    smooth = World(a_spec(3, rounds=2))
    Coordinator(smooth).drive()
    rough = World(a_spec(3, rounds=2, retries=1))
    coordinator = Coordinator(rough)
    coordinator.until("Training")
    coordinator.lose(coordinator.running()[0])
    coordinator.crash()
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[-1], "short file")
    coordinator.drive()
    assert [m.adapter for m in rough.manifests()] == [m.adapter for m in smooth.manifests()]


@pytest.mark.parametrize("below", ["Fail", "Skip"])
def test_a_run_whose_every_task_hangs_fails_by_time_alone_and_names_who_is_missing(below: str):
    world = World(a_spec(2, below=below, hub=True))
    decision = Coordinator(world).drive(hanging=True)
    assert decision.phase == "Failed"
    assert "a: no answer before the deadline of 100s" in decision.message
    assert "b: no answer" in decision.message


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("Initialising", "no answer before the deadline"),
        ("Training", "a: it sent no update before the deadline of 100s"),
        ("Aggregating", "can't be aggregated: the round has taken twice its deadline of 100s"),
        ("Evaluating", "can't be evaluated: the round has taken twice its deadline of 100s"),
    ],
)
def test_hanging_work_fails_the_run_with_its_reason_and_the_run_can_be_resumed(phase: str, said: str):
    world = World(a_spec(2, hub=True))
    coordinator = Coordinator(world)
    coordinator.until(phase)
    failed = coordinator.drive(hanging=True)
    assert failed.phase == "Failed"
    assert said in failed.message
    assert not coordinator.orders, "what hung was stopped"
    coordinator.go_on()
    assert coordinator.drive().phase == "Succeeded"


def test_hanging_measurements_delay_the_end_until_the_deadline_and_no_longer():
    world = World(a_spec(2, rounds=1, measured=True))
    coordinator = Coordinator(world)
    coordinator.until("Measuring")
    assert coordinator.drive(hanging=True).phase == "Succeeded"
    assert coordinator.elapsed == pytest.approx(100.0)


def test_skipping_every_round_ends_in_a_failure_because_nothing_was_committed():
    world = World(a_spec(2, rounds=2, below="Skip"))
    coordinator = Coordinator(world)
    coordinator.until("Planning")
    failed = coordinator.drive(hanging=True)
    assert failed.phase == "Failed"
    assert "none of 2 rounds" in failed.message
    assert [m.outcome for m in world.manifests()] == ["Initial", "Skipped", "Skipped"]


def test_a_skipped_round_carries_adapter_and_step_on_and_says_who_was_missing():
    world = World(a_spec(2, rounds=2, below="Skip"))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for key in coordinator.running():
        coordinator.lose(key, retryable=False, reason=f"bad data of {key.who}")
    coordinator.drive()
    initial, skipped, committed = world.manifests()
    assert (skipped.outcome, skipped.adapter, skipped.step) == ("Skipped", initial.adapter, 0)
    assert [(a.participant, a.reason) for a in skipped.absent] == [("a", "bad data of a"), ("b", "bad data of b")]
    assert (committed.outcome, committed.step, committed.round) == ("Committed", 1, 2)


def test_after_a_failure_nothing_happens_until_the_user_resumes():
    world = World(a_spec(2))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.lose(coordinator.running()[0], retryable=False, reason="its data changed")
    failed = coordinator.drive()
    assert failed.phase == "Failed"
    assert "round 1 needs 2 valid updates and can have 1: a: its data changed" in failed.message
    before = dict(world.store.objects)
    again = coordinator.step()
    assert (again.phase, again.actions) == ("Failed", ())
    assert world.store.objects == before


def test_resuming_after_a_failure_continues_the_attempt_numbers_and_resets_the_retries():
    world = World(a_spec(1, retries=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for _ in range(2):
        coordinator.lose(coordinator.running()[0])
        coordinator.wait(60)
        coordinator.elapsed = 0.0
        coordinator.step()
        coordinator.step()
    assert coordinator.drive().phase == "Failed"
    coordinator.go_on()
    coordinator.until("Training")
    coordinator.step()
    assert [(key.who, key.attempt) for key in coordinator.running()] == [("a", 3)]
    grant = world.ledger.read(names.grant(1, "a", 3), Grant)
    assert grant is not None
    assert (grant.epoch, grant.cause) == (2, "Resumed")
    coordinator.lose(coordinator.running()[0])
    assert coordinator.drive().phase == "Succeeded"
    assert world.ledger.read(names.grant(1, "a", 4), Grant) is not None
    assert world.ledger.read(names.failure(2), Failure) is None


@pytest.mark.parametrize("retryable", [True, False])
def test_rounds_after_a_resumed_one_have_their_usual_retries(retryable: bool):
    world = World(a_spec(2, rounds=3, retries=0, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for key in coordinator.running():
        coordinator.lose(key, retryable=False)
    assert coordinator.drive().phase == "Failed"
    coordinator.go_on()
    coordinator.until("Planning")
    coordinator.until("Training")
    key = next(key for key in coordinator.running() if key.who == "a")
    assert (key.round, key.attempt) == (2, 1)
    coordinator.lose(key, retryable=retryable)
    assert coordinator.drive().phase == "Succeeded"
    assert world.ledger.read(names.grant(2, "a", 2), Grant) is None, "the failure of round 1 gives no retry here"


def test_a_round_with_enough_updates_continues_without_the_quarantined():
    world = World(a_spec(3, rounds=1, minimum=2))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[1], "poison")
    assert coordinator.drive().phase == "Succeeded"
    assert world.manifests()[1].k == 2
    close = world.ledger.read(names.close(1, 2), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["a", "c"]


def test_quarantine_below_the_minimum_fails_and_going_on_gives_the_quarantined_a_new_attempt():
    world = World(a_spec(2, rounds=1, retries=0))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[1], "poison")
    failed = coordinator.drive()
    assert failed.phase == "Failed"
    assert "can have 1: b: quarantined: poison" in failed.message
    coordinator.crash()
    coordinator.go_on()
    assert coordinator.drive().phase == "Succeeded"
    close = world.ledger.read(names.close(1, 3), Close)
    assert close is not None
    assert [(u.participant, u.attempt) for u in close.updates] == [("a", 1), ("b", 2)]
    assert world.manifests()[1].k == 3


def test_quarantine_below_the_minimum_skips_the_round_where_the_file_says_so():
    world = World(a_spec(2, rounds=2, below="Skip"))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[1], "poison")
    assert coordinator.drive().phase == "Succeeded"
    skipped = world.manifests()[1]
    assert (skipped.outcome, skipped.k) == ("Skipped", 2)
    assert [(a.participant, a.reason) for a in skipped.absent] == [("b", "quarantined: poison")]


def test_an_aggregation_that_failed_before_it_quarantined_does_not_excuse_a_close_below_the_minimum():
    # The aggregator copies the epoch of the close that it judges, so epochs alone can't tell what a failure was about.
    world = World(a_spec(2, rounds=2, below="Fail"))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[1], "poison")
    coordinator.until("Aggregating")
    coordinator.lose(coordinator.running()[0], retryable=False, reason="no space")
    assert "no space" in coordinator.drive().message
    coordinator.go_on()
    failed = coordinator.drive()
    assert failed.phase == "Failed"
    assert "quarantined: poison" in failed.message
    coordinator.go_on()
    assert coordinator.drive().phase == "Succeeded"


def test_one_who_answers_late_joins_the_round_that_is_planned_next():
    world = World(a_spec(3, rounds=3, minimum=2))
    coordinator = Coordinator(world)
    coordinator.step()
    for key in coordinator.running():
        if key.who != "c":
            coordinator.finish(key)
    coordinator.step()
    coordinator.wait(100)
    coordinator.until("Planning")
    plan = world.ledger.read(names.plan(1), Plan)
    assert plan is not None
    assert [(a.participant, a.reason) for a in plan.absent] == [("c", "it has not counted its data yet")]
    coordinator.drive()
    close = world.ledger.read(names.close(1, 1), Close)
    assert close is not None
    assert close.absent == plan.absent, "who was not planned is named in the close too"
    second = world.ledger.read(names.plan(2), Plan)
    assert second is not None
    assert [m.participant for m in second.members] == ["a", "b", "c"]
    assert second.members[2].start == 0


def test_a_suspended_run_stops_its_tasks_keeps_its_time_and_uses_up_no_retry():
    world = World(a_spec(2, rounds=1, retries=0))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.wait(90)
    coordinator.suspended = True
    decision = coordinator.step()
    assert (decision.phase, coordinator.running()) == ("Suspended", [])
    coordinator.wait(1000)
    coordinator.suspended = False
    assert coordinator.step().phase == "Training"
    assert coordinator.drive().phase == "Succeeded"
    assert not [name for name in world.ledger.names() if "/attempts/" in name]


def test_a_finished_run_is_left_as_it_is():
    world = World(a_spec(1, rounds=1))
    Coordinator(world).drive()
    before = dict(world.store.objects)
    decision = Coordinator(world).step()
    assert (decision.phase, decision.actions) == ("Succeeded", ())
    assert world.store.objects == before
