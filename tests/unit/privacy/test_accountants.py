"""Accounting: equal to dp-accounting's own accountants, check values, monotony, extremes, and failing closed."""

import doctest
import math
import pkgutil
import re
import subprocess
import sys
from importlib import import_module

import dp_accounting as dp
import pytest
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st

from fedtrain import privacy
from fedtrain.privacy.accounting import (
    AccountingError,
    AllRounds,
    Poisson,
    Release,
    accountant_for,
    affordable_rounds,
    check_delta,
    check_range_of_samples,
    epsilon,
    epsilon_by_round,
    is_small_delta,
    multiplier_for,
    register,
    small_delta,
)
from fedtrain.privacy.accounting.budget import LARGEST_MULTIPLIER
from fedtrain.privacy.accounting.exact_gaussian import ExactGaussian, gaussian_epsilon
from fedtrain.privacy.accounting.pld import Pld

DELTA = 1e-5
RELATION = dp.NeighboringRelation


@pytest.mark.parametrize(
    ("multiplier", "rounds", "expected"), [(1.0, 10, 17.857), (4.0, 10, 3.341), (0.5, 10, 46.21), (2.684, 20, 8.001)]
)
def test_check_values_for_full_participation(multiplier: float, rounds: int, expected: float) -> None:
    assert epsilon({Release(multiplier): rounds}, DELTA) == pytest.approx(expected, abs=5e-3)
    assert float(dp.get_epsilon_gaussian(multiplier / math.sqrt(rounds), DELTA)) == pytest.approx(expected, abs=5e-3)


def test_check_values_round_by_round() -> None:
    assert epsilon_by_round(Release(1.0), 3, DELTA) == pytest.approx((4.377, 6.57, 8.39), abs=5e-3)


@pytest.mark.parametrize(
    ("multiplier", "rounds", "delta"),
    [(1, 1, 1e-5), (2, 3, 1e-5), (4, 10, 1e-5), (4, 10, 1e-8), (8, 100, 1e-6), (2.684, 20, 1e-5), (20, 20, 1e-3)],
)
def test_full_participation_equals_the_privacy_loss_distribution(multiplier: float, rounds: int, delta: float) -> None:
    own = PLDAccountant(RELATION.REPLACE_SPECIAL)
    own.compose(dp.GaussianDpEvent(multiplier), rounds)
    assert epsilon({Release(multiplier): rounds}, delta) == pytest.approx(own.get_epsilon(delta), rel=1e-3)


def test_full_participation_with_several_multipliers_equals_the_privacy_loss_distribution() -> None:
    own = PLDAccountant(RELATION.REPLACE_SPECIAL)
    for multiplier, rounds in ((2.0, 3), (3.0, 2), (5.0, 7)):
        own.compose(dp.GaussianDpEvent(multiplier), rounds)
    releases = {Release(2.0): 3, Release(3.0): 2, Release(5.0): 7}
    assert epsilon(releases, DELTA) == pytest.approx(own.get_epsilon(DELTA), rel=1e-3)


@pytest.mark.parametrize(
    ("probability", "multiplier", "rounds", "delta"),
    [
        (0.1, 1, 50, 1e-5),
        (0.1, 2, 50, 1e-6),
        (0.5, 2, 10, 1e-5),
        (0.01, 1, 500, 1e-5),
        (1.0, 3, 10, 1e-5),
        (0.05, 0.8, 30, 1e-7),
        (0.25, 1.5, 4, 1e-5),
    ],
)
def test_poisson_sampling_equals_the_privacy_loss_distribution(
    probability: float, multiplier: float, rounds: int, delta: float
) -> None:
    own = PLDAccountant(RELATION.ADD_OR_REMOVE_ONE)
    own.compose(dp.PoissonSampledDpEvent(probability, dp.GaussianDpEvent(multiplier)), rounds)
    found = epsilon({Release(multiplier, Poisson(probability)): rounds}, delta)
    assert found == pytest.approx(own.get_epsilon(delta), rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.3, 50), st.integers(1, 200), st.floats(1e-9, 0.1))
def test_epsilon_grows_with_rounds_and_falls_with_noise_and_delta(multiplier: float, rounds: int, delta: float) -> None:
    here = epsilon({Release(multiplier): rounds}, delta)
    assert epsilon({Release(multiplier): rounds + 1}, delta) >= here
    assert epsilon({Release(multiplier * 1.1): rounds}, delta) <= here
    assert epsilon({Release(multiplier): rounds}, delta * 1.1) <= here


def test_epsilon_with_sampling_grows_with_rounds_and_falls_with_noise() -> None:
    sampling = Poisson(0.1)
    here = epsilon({Release(2.0, sampling): 10}, DELTA)
    assert epsilon({Release(2.0, sampling): 11}, DELTA) > here
    assert epsilon({Release(2.2, sampling): 10}, DELTA) < here


@pytest.mark.filterwarnings("error")
def test_epsilon_with_almost_no_noise_is_a_number() -> None:
    """Privacy losses above 709, whose exponential is beyond float64."""
    found = [epsilon({Release(multiplier, Poisson(0.1)): 48}, DELTA) for multiplier in (0.2, 0.12, 0.05)]
    reference = PLDAccountant(value_discretization_interval=0.01)
    reference.compose(dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(0.12)), 48)
    assert found[0] < found[1] < found[2]
    assert found[1] == pytest.approx(reference.get_epsilon(DELTA), rel=1e-3)


def test_without_releases_nothing_is_spent() -> None:
    assert epsilon({}, DELTA) == 0.0
    assert epsilon({Release(1.0): 0}, DELTA) == 0.0


@pytest.mark.parametrize(("budget", "rounds"), [(0.5, 20), (1.0, 1), (8.0, 20), (8.0, 200), (50.0, 10)])
def test_the_multiplier_of_a_budget_is_the_smallest_that_fits(budget: float, rounds: int) -> None:
    multiplier = multiplier_for(budget, DELTA, rounds)
    assert epsilon({Release(multiplier): rounds}, DELTA) <= budget
    assert epsilon({Release(multiplier * 0.9998): rounds}, DELTA) > budget


def test_the_multiplier_of_a_budget_with_poisson_sampling_is_the_smallest_that_fits() -> None:
    multiplier = multiplier_for(4.0, DELTA, 5, Poisson(0.2))
    assert epsilon({Release(multiplier, Poisson(0.2)): 5}, DELTA) <= 4.0
    assert epsilon({Release(multiplier * 0.999, Poisson(0.2)): 5}, DELTA) > 4.0
    assert multiplier < multiplier_for(4.0, DELTA, 5)


def test_a_found_multiplier_affords_exactly_its_rounds() -> None:
    release = Release(multiplier_for(8.0, DELTA, 20))
    assert affordable_rounds(release, 8.0, DELTA, most=100) == 20
    assert affordable_rounds(release, 8.0, DELTA, most=10) == 10
    assert affordable_rounds(release, 8.0, DELTA, most=100, spent={release: 5}) == 15
    assert affordable_rounds(release, 8.0, DELTA, most=100, spent={Release(1.0): 5}) == 0


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_refuse_a_budget_that_is_not_a_positive_number(budget: float) -> None:
    with pytest.raises(AccountingError, match="Set it to a number greater than 0"):
        multiplier_for(budget, DELTA, 20)


def test_refuse_a_budget_that_no_useful_noise_meets() -> None:
    with pytest.raises(AccountingError, match="1e-09 over 20 rounds needs a noise multiplier above 1000") as raised:
        multiplier_for(1e-9, DELTA, 20)
    least = re.search(
        r"Raise epsilon to at least (\S+), which protects less, or reduce the number of rounds.$", str(raised.value)
    )
    assert least is not None
    assert multiplier_for(float(least[1]), DELTA, 20) == pytest.approx(LARGEST_MULTIPLIER, rel=0.01)
    with pytest.raises(AccountingError, match=r"Raise epsilon to at least \S+, which protects less\.$"):
        multiplier_for(1e-9, DELTA, 1)


def test_refuse_a_budget_that_protects_no_one() -> None:
    with pytest.raises(AccountingError, match="protects no one"):
        multiplier_for(1e6, DELTA, 20)


@pytest.mark.parametrize(("budget", "delta", "steps", "probability"), [(8.0, 1e-4, 4, 2e-5), (1e6, DELTA, 10, 0.1)])
def test_refuse_a_budget_of_steps_that_protects_no_one(
    budget: float, delta: float, steps: int, probability: float
) -> None:
    """Without a noise multiplier that only the search has tried."""
    with pytest.raises(AccountingError, match=r"is met with almost no noise, so it protects no one\. Lower epsilon\.$"):
        multiplier_for(budget, delta, steps, Poisson(probability))


def test_a_budget_may_need_the_smallest_multiplier_that_has_an_epsilon() -> None:
    budget = epsilon({Release(0.0501, Poisson(0.1)): 1}, DELTA)
    assert 0.05 < multiplier_for(budget, DELTA, 1, Poisson(0.1)) <= 0.0502


def test_name_a_delta_only_if_it_is_allowed_for_the_number_of_units() -> None:
    with pytest.raises(AccountingError, match=r"or set `budget.delta` to at least 2.5e-05.$"):
        check_range_of_samples(0.3, 3, "3 rounds", 1e-9, units=4, found=False)
    with pytest.raises(AccountingError, match=r"beyond\. Raise `noise.multiplier`\.$"):
        check_range_of_samples(0.3, 3, "3 rounds", 1e-9, units=40_000, found=False)
    with pytest.raises(AccountingError, match=r"beyond\. Raise `noise.multiplier`\.$"):
        check_range_of_samples(0.2, 20, "20 rounds", 1e-5, units=4, found=False)
    with pytest.raises(AccountingError, match=r"beyond\. Raise `noise.multiplier`\.$"):
        check_range_of_samples(0.12, 96, "96 steps", 1e-5, units=2, found=False)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-5, float("nan")])
def test_refuse_a_delta_that_is_not_a_probability(delta: float) -> None:
    with pytest.raises(AccountingError, match="Set it above 0 and below 1"):
        epsilon({Release(1.0): 1}, delta)


def test_refuse_a_delta_of_one_over_the_units() -> None:
    check_delta(0.24, units=4)
    with pytest.raises(AccountingError, match=r"delta is 0\.25, but must be less than 1 / 4\."):
        check_delta(0.25, units=4)


@given(st.integers(2, 10**8))
def test_the_delta_that_a_refusal_proposes_is_small_enough(units: int) -> None:
    assert is_small_delta(small_delta(units), units)
    with pytest.raises(AccountingError, match=f"Set it to {small_delta(units):g} or less"):
        check_delta(0.999, units)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("nan"), float("inf")])
def test_refuse_a_multiplier_that_is_not_positive(multiplier: float) -> None:
    with pytest.raises(AccountingError, match=r"noise multiplier is .*, but must be from 1e-06 to 1e"):
        Release(multiplier)


def test_refuse_impossible_samplings() -> None:
    with pytest.raises(AccountingError, match="Set it above 0 and up to 1"):
        Poisson(0.0)


def test_the_accountant_with_the_smallest_epsilon_is_chosen() -> None:
    assert accountant_for(AllRounds()).name == "exact Gaussian"
    assert accountant_for(AllRounds(), Poisson(0.5)).name == "PLD"


def test_refuse_releases_that_no_accountant_supports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pld, "supports", lambda accountant, sampling: False)
    with pytest.raises(AccountingError, match=r"No accountant composes rounds with .*: AllRounds, Poisson\."):
        epsilon({Release(1.5): 2, Release(1.5, Poisson(0.3)): 2}, DELTA)


def test_refuse_two_accountants_of_one_name() -> None:
    with pytest.raises(ValueError, match="two accountants named exact Gaussian"):
        register(ExactGaussian())


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (ArithmeticError("no root"), "exact Gaussian failed: ArithmeticError: no root"),
        (float("nan"), "computes an epsilon of nan"),
        (float("inf"), "too large to be computed"),
        (-1.0, "computes an epsilon of -1"),
    ],
)
def test_a_failing_accountant_is_an_error(
    result: Exception | float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(self: ExactGaussian, releases: object, delta: float) -> float:
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(ExactGaussian, "epsilon", found)
    with pytest.raises(AccountingError, match=message):
        epsilon({Release(1.2345): 6}, DELTA)


MODULES = {one.name for one in pkgutil.walk_packages(privacy.__path__, "fedtrain.privacy.") if not one.ispkg}
WORDS = {"fedtrain.privacy.terms", "fedtrain.privacy.accounting.errors", "fedtrain.privacy.accounting.accountant"}
"""Modules without mathematics."""


@pytest.mark.parametrize("module", sorted(MODULES - WORDS))
def test_worked_examples(module: str) -> None:
    results = doctest.testmod(import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


def test_accounting_needs_neither_dp_accounting_nor_scipy() -> None:
    """Importing it does not need numpy either, which the command line imports only when it is used."""
    code = (
        "import sys, fedtrain.privacy.adaptive_clipping; from fedtrain.privacy.accounting import *;"
        "found = lambda: [name for name in ('dp_accounting', 'scipy', 'numpy', 'torch') if name in sys.modules];"
        "print(found(), accountant_for(AllRounds()).name, accountant_for(Poisson(0.5)).name);"
        "epsilon({Release(1.0): 2}, 1e-5), epsilon({Release(1.0, Poisson(0.5)): 2}, 1e-5); print(found())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said == "[] exact Gaussian PLD\n['numpy']\n"


@pytest.mark.parametrize("multiplier", [0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 1000.0])
@pytest.mark.parametrize("delta", [1e-12, 1e-5, 0.1])
def test_the_closed_form_is_that_of_dp_accounting(multiplier: float, delta: float) -> None:
    """The operator's image has no scipy, and computes it itself."""
    expected = float(dp.get_epsilon_gaussian(multiplier, delta))
    assert gaussian_epsilon(multiplier, delta) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_gaussian_without_noise_has_no_finite_epsilon() -> None:
    assert gaussian_epsilon(1e-200, 1e-5) == math.inf
