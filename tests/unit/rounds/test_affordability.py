"""Who can afford one round with `privacy.unit: Example`, and how close delta is to 1 / number of units."""

import re
from typing import Any

from rounds_world import FACTS, a_spec

from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.records import Plan, PlanMember
from fedtrain.privacy.accounting import Poisson, Release, epsilon
from fedtrain.rounds.affordability import OwnersLimit, barred_from_the_start, shortage
from fedtrain.rounds.barred_participants import Barred
from fedtrain.rounds.large_delta import large_delta
from fedtrain.rounds.privacy_forecast import privacy_forecast
from fedtrain.rounds.spent_epsilon import step_signal_to_noise, trained_values

STEP = Release(1.0, Poisson(32 / 500))
DIGEST = "blake3:" + 64 * "0"


def private(**budget: float) -> dict[str, Any]:
    return {
        "unit": "Example",
        "budget": {"epsilon": 8, "delta": 1e-5, **budget},
        "noise": {"type": "Multiplier", "multiplier": 1.0},
        "clipping": {"type": "Fixed", "norm": 1.0},
    }


SPEC = a_spec(2, privacy=private(), partitioning={"strategy": "All"})


def test_what_other_trainings_have_spent_counts_towards_an_owners_limit() -> None:
    rows, once = {"a": 500, "b": 500}, epsilon({STEP: 2}, 1e-5)
    assert barred_from_the_start(SPEC, rows, {"a": OwnersLimit(once * 1.001, 1e-5)}) == {}
    barred = barred_from_the_start(SPEC, rows, {"a": OwnersLimit(once * 1.001, 1e-5, {STEP: 2})})
    assert list(barred) == ["a"]
    assert f"spend epsilon {epsilon({STEP: 4}, 1e-5):.4g} with other trainings" in barred["a"][0]
    found = shortage(SPEC, barred)
    assert found is not None
    assert found.message.startswith(
        "1 of 2 participants can take part in a round, but rounds.minParticipants is 2. a: "
    )


def test_noise_that_does_not_bound_the_loss_at_the_owners_delta_bars_a_participant() -> None:
    """The run's delta bounds what samples of the generator cannot produce, the owner's does not."""
    little = Release(0.4, Poisson(0.1))
    barred = barred_from_the_start(SPEC, {"a": 500, "b": 500}, {"a": OwnersLimit(1000.0, 1e-10, {little: 15})})
    assert set(barred) == {"a"}
    assert "with noise multiplier 1, with other trainings, is too small to bound the privacy" in barred["a"].reason
    assert barred["a"].reason.endswith("loss at delta 1e-10 of its policy")


def test_a_participant_without_training_rows_cannot_take_part() -> None:
    assert barred_from_the_start(SPEC, {"a": 0, "b": 500}) == {"a": Barred("it has no training rows", "Add rows")}


def test_one_delta_is_proposed_that_is_small_enough_for_all_participants() -> None:
    rows = {"a": 180, "b": 270}
    spec = a_spec(2, privacy=private(delta=1e-2), partitioning={"strategy": "All"})
    found = shortage(spec, barred_from_the_start(spec, rows))
    assert found is not None
    assert found.field == ("budget", "delta")
    assert found.message.endswith(" a, b: budget.delta is 0.01, but must be less than 1 / number of training rows.")
    assert found.fix == (
        "Set `budget.delta: 1e-05`, which is small enough for all participants, also b (270 training rows)."
    )
    fixed = a_spec(2, privacy=private(delta=1e-5), partitioning={"strategy": "All"})
    assert barred_from_the_start(fixed, rows) == {}


def test_the_terms_of_epsilon_stand_once_after_all_participants() -> None:
    spec = a_spec(3, privacy=private(epsilon=0.5), partitioning={"strategy": "All"})
    found = shortage(spec, barred_from_the_start(spec, {"a": 180, "b": 270, "c": 0}))
    assert found is not None
    cost = r"one round \(2 steps\) costs epsilon [0-9.]+, and the budget is 0.5"
    terms = r"\(delta 1e-05, unit Example, row added or removed, participant adds noise, PLD\)"
    assert re.search(rf"\. c: it has no training rows; a: {cost}; b: {cost} {terms}\.$", found.message)


def test_the_terms_of_several_deltas_stay_with_their_participants() -> None:
    limits = {"a": OwnersLimit(0.1, 1e-5), "b": OwnersLimit(0.1, 1e-6)}
    found = shortage(SPEC, barred_from_the_start(SPEC, {"a": 500, "b": 600}, limits))
    assert found is not None
    assert re.search(r" a: .* is 0\.1 \(delta 1e-05, .*\); b: .* is 0\.1 \(delta 1e-06, .*\)\.$", found.message)


def test_a_smaller_number_of_participants_is_proposed_only_if_it_works() -> None:
    barred = {"c": Barred("it has no training rows", "Add rows")}
    spec = a_spec(3, privacy=private(), partitioning={"strategy": "All"})
    found = shortage(spec, barred)
    assert found is not None
    assert found.fix == "Add rows. Or set `rounds.minParticipants: 2`, to train without the others."
    smaller = a_spec(3, minimum=2, privacy=private(), partitioning={"strategy": "All"})
    assert shortage(smaller, barred) is None
    for refused in (shortage(spec, barred, required=3), shortage(spec, dict.fromkeys("abc", barred["c"]))):
        assert refused is not None
        assert refused.fix == "Add rows."


def test_the_noise_that_the_budget_needs_is_named_before_the_range_of_samples() -> None:
    privacy = private(epsilon=0.5) | {"noise": {"type": "Multiplier", "multiplier": 0.3}}
    spec = a_spec(2, privacy=privacy, partitioning={"strategy": "All"})
    found = shortage(spec, barred_from_the_start(spec, {"a": 180, "b": 270}))
    assert found is not None
    assert found.field == ("noise", "multiplier")
    assert "one round (2 steps) costs epsilon" in found.message
    assert found.fix.startswith("Set `noise.multiplier: ")


def test_a_participant_that_its_policy_bars_is_not_in_the_forecast() -> None:
    spec = a_spec(2, privacy=private(), partitioning={"strategy": "All"})
    lines = privacy_forecast(spec, FACTS, {"a": 500, "b": 500}, barred={"a"})
    assert not [line for line in lines if "a: noise multiplier" in line or "by participant: a" in line]
    assert [line for line in lines if line.startswith("b: noise multiplier")]


def test_delta_is_compared_with_the_participant_that_has_the_most_rows() -> None:
    assert large_delta(SPEC, {"a": 500, "b": 9_000}) is None
    warning = large_delta(SPEC, {"a": 500, "b": 11_000})
    assert warning is not None
    assert "which is large for the 11,000 rows of b: revealing one of them at random has delta 9.1e-05" in warning
    assert warning.endswith("Set it to 1e-06 or less.")
    assert large_delta(SPEC) is None, "no rows are known"


def test_signal_to_noise_of_a_step_is_that_of_the_participant_with_the_most_noise() -> None:
    noises = {
        who: ExampleNoise(probability=0.1, batch=batch, steps=2, bound=1.0, multiplier=2.0)
        for who, batch in (("a", 40), ("b", 10))
    }
    members = tuple(
        PlanMember(participant=who, start=0, samples=1, distinct=1, seed=1, example_noise=noise)
        for who, noise in noises.items()
    )
    plan = Plan.model_construct(members=members)
    assert step_signal_to_noise(plan, 100) == 10 / (2.0 * 10)
    assert step_signal_to_noise(plan, None) is None
    assert step_signal_to_noise(None, 100) is None


def test_half_of_the_values_are_trained_with_a_frozen_a() -> None:
    frozen = SPEC.model_copy(update={"aggregation": SPEC.aggregation.model_copy(update={"merge": "FreezeA"})})
    assert (trained_values(SPEC, FACTS), trained_values(frozen, FACTS)) == (10, 5)
