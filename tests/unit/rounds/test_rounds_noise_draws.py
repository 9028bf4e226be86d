"""Draws of noise: each is planned, claimed, counted once and never refunded."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds_coordinator import Coordinator
from rounds_private import check_account, private, spent
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.records import Exclusion, Manifest
from fedtrain.privacy.accounting import AccountingError
from fedtrain.rounds import privacy_budget


def test_an_aggregate_without_counted_noise_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "_draw", lambda *_: None)
    world = World(a_spec(2, rounds=3, privacy=private(8.0, multiplier=1.0)))
    decision = Coordinator(world).drive()
    assert decision.phase == "Failed"
    assert "names no noise that is counted, so it is not used" in decision.message
    assert world.open().read(names.manifest(1), Manifest) is None


def test_a_draw_whose_round_is_repeated_is_not_refunded() -> None:
    """An aggregator draws, is killed, and then finds a bad update: the next close draws again."""
    world = World(a_spec(3, rounds=5, minimum=2, privacy=private(8.0, multiplier=1.0)))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0], "poison")
    coordinator.until("Aggregating")
    world.draw(1, 1, 1.0)
    decision = coordinator.drive()
    assert decision.phase == "Halted"
    assert decision.round == 1, "two draws are spent in round 1, so round 2 does not fit"
    assert spent(world.manifests()[1]) == {1.0: 2}
    check_account(world)


def test_updates_are_not_aggregated_if_their_draw_no_longer_fits() -> None:
    """Budget for one draw: the second close of round 1 is not aggregated, and the run ends."""
    world = World(a_spec(3, rounds=5, minimum=2, privacy=private(5.0, multiplier=1.0)))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0], "poison")
    coordinator.until("Aggregating")
    world.draw(1, 1, 1.0)
    decision = coordinator.drive()
    assert decision.phase == "Failed"
    assert "the privacy budget is exhausted" in decision.message
    assert "no round is committed" in decision.message
    assert world.manifests()[1].outcome == "Skipped"
    check_account(world)


def test_nothing_is_drawn_if_the_plan_does_not_say_how(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(a_spec(2, rounds=5, privacy=private(8.0, multiplier=1.0)))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for key in coordinator.running():
        coordinator.finish(key)
    snapshot = coordinator.look()
    plan = snapshot.ledger.current.plan
    assert plan is not None
    current = replace(snapshot.ledger.current, plan=plan.model_copy(update={"privacy": None}))
    without = replace(snapshot, ledger=replace(snapshot.ledger, current=current))
    with pytest.raises(AccountingError, match=r"plan\.json does not say how"):
        privacy_budget.over_budget(without)


def test_a_close_that_is_not_aggregated_is_ended_before_another_draws() -> None:
    """A late aggregator of the first close finds that it may draw no noise."""
    world = World(a_spec(3, rounds=1, minimum=2, privacy=private()))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0], "poison")
    coordinator.drive()
    first, second = (world.ledger.read(names.spend(1, k), Spend) for k in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.multiplier, first.seed) == (None, None)
    assert second.multiplier is not None
    check_account(world)


def test_a_round_that_is_redone_without_a_participant_costs_another_draw() -> None:
    """The two noisy sums differ by one update, so both count."""
    world = World(a_spec(3, rounds=5, minimum=2, privacy=private(8.0, multiplier=1.0)))
    coordinator = Coordinator(world)
    coordinator.until("Aggregating")
    world.draw(1, 1, 1.0)
    exclusion = Exclusion(run_id="run-1", round=1, participant="b", reason="broken", decided_by="ada")
    world.ledger.claim(names.exclusion(1, "b"), exclusion)
    assert coordinator.drive().phase == "Halted"
    assert spent(world.manifests()[1]) == {1.0: 2}
    assert len(world.manifests()) == 2
    check_account(world)


def test_a_skipped_round_ends_its_closes() -> None:
    world = World(a_spec(2, rounds=2, minimum=2, below="Skip", privacy=private()))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0], "poison")
    coordinator.drive()
    assert [m.outcome for m in world.manifests()] == ["Initial", "Skipped", "Committed"]
    for k in (1, 2):
        ended = world.ledger.read(names.spend(1, k), Spend)
        assert ended is not None
        assert ended.multiplier is None
    assert [m.privacy and m.privacy.bound for m in world.manifests()] == [0.5, 0.5, 1.0]
    check_account(world)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_crashes_and_bad_updates_neither_lose_nor_double_a_spend(data: st.DataObject) -> None:
    """Coordinators that crash, aggregators that draw and die, and poisoned updates, in any order."""
    world = World(a_spec(3, rounds=3, minimum=1, below="Skip", privacy=private(10.0, multiplier=1.0)))
    coordinator = Coordinator(world)
    for _ in range(data.draw(st.integers(0, 25), label="steps")):
        match data.draw(st.sampled_from(["step", "finish", "poison", "draw and die", "crash"]), label="event"):
            case "step":
                coordinator.step()
            case "crash":
                coordinator.crash()
            case event if coordinator.orders:
                key = coordinator.running()[0]
                if event == "draw and die" and key.kind == "Aggregate":
                    world.draw(key.round, int(key.who.removeprefix("_aggregate-")), 1.0)
                    coordinator.lose(key)
                elif event != "draw and die":
                    coordinator.finish(key, "poison" if event == "poison" and key.kind == "Train" else "")
            case _:
                coordinator.step()
    if coordinator.step().phase == "Failed":
        coordinator.go_on()
    coordinator.drive()
    check_account(world)
