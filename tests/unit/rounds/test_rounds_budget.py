"""The privacy budget as a stage of a run: what is spent, and how a run ends when no further round fits."""

from dataclasses import replace
from typing import Any

import pytest
from rounds_coordinator import Coordinator
from rounds_private import DELTA, check_account, draws, private, spent
from rounds_world import World, a_spec

from fedtrain.api.privacy_parameters import parameters
from fedtrain.contracts import names
from fedtrain.contracts.run_end import End
from fedtrain.contracts.tasks import PastReleases, PrivacyPromise, Train
from fedtrain.privacy.accounting import AccountingError, Release, epsilon
from fedtrain.privacy.noise import composed
from fedtrain.rounds import privacy_budget, privacy_state
from fedtrain.rounds.decision import AggregateOrder


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
    """z = 1: epsilon 4.38, 6.57, 8.385 after 1, 2, 3 rounds."""
    world = World(a_spec(2, rounds=5, measured=True, privacy=private(8.38, multiplier=1.0)))
    decision = Coordinator(world).drive()
    assert decision.phase == "Halted"
    assert "epsilon 6.573 is spent, one more round makes it 8.385, and the budget is 8.38 (delta 1e-05, unit" in (
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


def test_a_delta_that_the_generator_cannot_support_is_refused() -> None:
    spec = a_spec(2, rounds=3, privacy=private(100.0, multiplier=0.3, delta=1e-9))
    assert spec.privacy is not None
    with pytest.raises(
        AccountingError, match=r"multiplier 0\.3 is too small for budget\.delta 1e-09 .* exceeds 8\.57 standard"
    ):
        parameters(spec, spec.privacy)


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


@pytest.mark.parametrize(("location", "asked"), [("Server", True), ("Client", None), (None, None)])
def test_records_state_norms_only_where_the_hub_clips(location: str | None, asked: bool | None) -> None:
    privacy = private()
    privacy["clipping"] = privacy["clipping"] | {"location": location}
    coordinator = Coordinator(World(a_spec(3, minimum=2, privacy=privacy if location else None)))
    coordinator.until("Training")
    works = [order.work for order in coordinator.orders.values() if not isinstance(order, AggregateOrder)]
    assert {work.states_norm for work in works if isinstance(work, Train)} == {asked}


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
    found = privacy_budget.parameters

    def less(*arguments: Any) -> Any:
        return replace(found(*arguments), release=Release(0.5))

    monkeypatch.setattr(privacy_budget, "parameters", less)
    coordinator.drive()
    assert spent(world.manifests()[1]) == {1.0: 1}, "one round with z = 1 costs 4.38 of 5"


def test_the_run_stops_if_the_accountant_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(a_spec(2, rounds=2, privacy=private()))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    for key in coordinator.running():
        coordinator.finish(key)

    def fails(*arguments: object) -> float:
        raise AccountingError("no answer")

    monkeypatch.setattr(privacy_budget, "epsilon", fails)
    decision = coordinator.drive()
    assert decision.phase == "Failed"
    assert "the privacy of round 1 is unknown: no answer" in decision.message
    assert draws(world) == []


def test_nothing_starts_if_the_accountant_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> float:
        raise AccountingError("no answer")

    monkeypatch.setattr(privacy_state, "parameters", fails)
    world = World(a_spec(2, rounds=2, privacy=private()))
    assert Coordinator(world).drive().phase == "Failed"
    assert world.manifests() == []
