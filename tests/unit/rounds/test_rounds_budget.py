"""The privacy budget as a stage of a run: what is spent, and how a run ends when no further round fits."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds_hands import Coordinator
from rounds_world import World, a_spec

from fedtrain.api.privacy_parameters import parameters
from fedtrain.contracts import names
from fedtrain.contracts.records import End, Exclusion, Manifest, Spend
from fedtrain.contracts.tasks import PastReleases, PrivacyPromise, Train
from fedtrain.privacy.accounting import AccountingError, Release, epsilon
from fedtrain.privacy.noise import composed
from fedtrain.rounds import privacy as stage
from fedtrain.rounds.decision import AggregateOrder

DELTA = 1e-5


def private(budget: float = 8.0, multiplier: float | None = None, **fields: Any) -> dict[str, Any]:
    noise = {"type": "Budget"} if multiplier is None else {"type": "Multiplier", "multiplier": multiplier}
    return {
        "unit": "Participant",
        "budget": {"epsilon": budget, "delta": DELTA} | fields,
        "noise": noise,
        "clipping": {"type": "Adaptive", "adaptive": {"initialNorm": 0.5}},
    }


def draws(world: World) -> list[Spend]:
    """All draws of noise that the ledger has."""
    listed = [name for name in world.open().names("rounds/") if "/spend-" in name]
    found = [world.open().read(name, Spend) for name in listed]
    return [spend for spend in found if spend is not None and spend.multiplier is not None]


def spent(manifest: Manifest) -> dict[float, int]:
    assert manifest.privacy is not None
    return {one.multiplier: one.count for one in manifest.privacy.spent}


def check_account(world: World) -> None:
    """The newest manifest counts all draws of its rounds, and the budget is kept."""
    privacy, newest = world.spec.privacy, world.manifests()[-1]
    assert privacy is not None
    drawn = draws(world)
    assert sum(spent(newest).values()) == sum(draw.round <= newest.round for draw in drawn)
    releases: dict[Release, int] = {}
    for draw in drawn:
        releases[Release(draw.multiplier or 0)] = releases.get(Release(draw.multiplier or 0), 0) + 1
    assert epsilon(releases, privacy.budget.delta) <= privacy.budget.epsilon


def test_noise_that_is_found_from_the_budget_allows_all_rounds() -> None:
    world = World(a_spec(2, rounds=3, privacy=private(8.0)))
    assert Coordinator(world).drive().phase == "Succeeded"
    check_account(world)
    (multiplier,) = spent(world.manifests()[-1])
    assert epsilon({Release(multiplier): 3}, DELTA) == pytest.approx(8.0, rel=1e-3)
    assert len(draws(world)) == 3


def test_the_clipping_norm_of_a_round_comes_from_the_round_before() -> None:
    world = World(a_spec(2, rounds=3, privacy=private()))
    Coordinator(world).drive()
    assert [m.privacy and m.privacy.bound for m in world.manifests()] == [0.5, 1.0, 2.0, 4.0]


def test_the_round_that_would_overspend_never_starts_and_the_run_halts_with_the_last_adapter() -> None:
    """z = 1: epsilon 4.38, 6.57, 8.39 after 1, 2, 3 rounds."""
    world = World(a_spec(2, rounds=5, measured=True, privacy=private(8.0, multiplier=1.0)))
    decision = Coordinator(world).drive()
    assert decision.phase == "Halted"
    assert "epsilon 6.573 is spent, one more round makes it 8.385, and the budget is 8 at delta 1e-05" in (
        decision.message
    )
    end, manifests = world.ledger.read(names.END, End), world.manifests()
    assert end is not None
    assert (end.outcome, end.round, end.adapter) == ("Halted", 2, manifests[2].adapter)
    assert world.open().names("rounds/0003/") == []
    assert len(world.open().names("rounds/0002/measurements/")) == 2
    check_account(world)


def test_the_run_fails_where_the_file_says_so() -> None:
    world = World(a_spec(2, rounds=5, privacy=private(8.0, multiplier=1.0, onExhausted="Fail")))
    coordinator = Coordinator(world)
    decision = coordinator.drive()
    assert decision.phase == "Failed"
    assert "the privacy budget is exhausted: epsilon 6.573 is spent" in decision.message
    coordinator.go_on()
    assert coordinator.drive().phase == "Failed", "another attempt does not refund anything"
    assert len(draws(world)) == 2


def test_an_aggregate_without_counted_noise_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "_draw", lambda *_: None)
    world = World(a_spec(2, rounds=3, privacy=private(8.0, multiplier=1.0)))
    decision = Coordinator(world).drive()
    assert decision.phase == "Failed"
    assert "names no noise that is counted, so it is not used" in decision.message
    assert world.open().read(names.manifest(1), Manifest) is None


def test_a_delta_that_the_generator_cannot_support_is_refused() -> None:
    spec = a_spec(2, rounds=3, privacy=private(100.0, multiplier=0.3, delta=1e-9))
    assert spec.privacy is not None
    with pytest.raises(AccountingError, match=r"delta 1e-09 is too small .* end at 8\.57 standard deviations"):
        parameters(spec, spec.privacy)


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


def test_tasks_say_what_noise_the_hub_promises_and_what_it_has_released() -> None:
    found: list[PrivacyPromise | None] = []
    for seed in (None, 7):
        world = World(
            a_spec(2, rounds=2, privacy=private(9.0, multiplier=1.0) | ({"testingSeed": seed} if seed else {}))
        )
        coordinator = Coordinator(world)
        for _ in range(2):
            coordinator.until("Training")
            orders = coordinator.orders.values()
            found.append(next(order.privacy for order in orders if not isinstance(order, AggregateOrder)))
            for phase in ("Training", "Aggregating"):
                coordinator.until(phase)
                for key in coordinator.running():
                    coordinator.finish(key)
    first = PrivacyPromise(unit="Participant", multiplier=1.0, delta=DELTA)
    past = (PastReleases(multiplier=1.0, count=1),)
    assert found == [first, first.model_copy(update={"released": past}), None, None], "a known seed hides nothing"


@pytest.mark.parametrize("location", ["Server", "Client"])
def test_tasks_say_how_to_clip_with_the_norm_of_their_round(location: str) -> None:
    privacy = private() | {"noise": {"type": "Multiplier", "multiplier": 1.0, "location": location}}
    privacy["clipping"] = privacy["clipping"] | {"location": "Client"}
    world = World(a_spec(3, rounds=3, minimum=2, privacy=privacy))
    coordinator = Coordinator(world)
    norms: list[float] = []
    for _ in range(2):
        coordinator.until("Training")
        works = [order.work for order in coordinator.orders.values() if not isinstance(order, AggregateOrder)]
        tasks = [work for work in works if isinstance(work, Train)]
        clipping, noise = tasks[0].clipping, tasks[0].noise
        assert clipping is not None
        assert clipping.reports_within
        norms.append(clipping.bound)
        assert (noise is not None) == (location == "Client")
        if noise is not None:
            assert noise.updates == 2
            assert noise.indicator_noise is not None
            assert composed({noise.multiplier: 1, noise.indicator_noise: 1}) == pytest.approx(1.0)
        for key in coordinator.running():
            coordinator.finish(key)
        coordinator.until("Aggregating")
        for key in coordinator.running():
            coordinator.finish(key)
    assert norms == [0.5, 1.0]


def test_the_budget_counts_the_noise_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan's noise is what the aggregator draws. It was planned with z = 1; the coordinator that replaced the first
    one finds less noise from the same file."""
    world = World(a_spec(2, rounds=5, privacy=private(5.0, multiplier=1.0)))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for key in coordinator.running():
        coordinator.finish(key)
    found = stage.parameters

    def less(*arguments: Any) -> Any:
        return replace(found(*arguments), release=Release(0.5))

    monkeypatch.setattr(stage, "parameters", less)
    coordinator.drive()
    assert spent(world.manifests()[1]) == {1.0: 1}, "one round with z = 1 costs 4.38 of 5"


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
        stage.over_budget(without)


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


def test_the_run_stops_if_the_accountant_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(a_spec(2, rounds=2, privacy=private()))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for key in coordinator.running():
        coordinator.finish(key)

    def fails(*arguments: object) -> float:
        raise AccountingError("no answer")

    monkeypatch.setattr(stage, "epsilon", fails)
    decision = coordinator.drive()
    assert decision.phase == "Failed"
    assert "the privacy of round 1 is unknown: no answer" in decision.message
    assert draws(world) == []


def test_nothing_starts_if_the_accountant_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> float:
        raise AccountingError("no answer")

    monkeypatch.setattr(stage, "parameters", fails)
    world = World(a_spec(2, rounds=2, privacy=private()))
    assert Coordinator(world).drive().phase == "Failed"
    assert world.manifests() == []


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
