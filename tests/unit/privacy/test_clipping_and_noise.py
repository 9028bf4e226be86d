"""Clipping, calibration of the noise and adaptive clipping."""

from math import hypot, inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.privacy.adaptive_clipping import (
    default_indicator_noise,
    next_bound,
    noisy_fraction,
    update_multiplier,
)
from fedtrain.privacy.clipping import clip_factor, is_within, stated_norm, states
from fedtrain.privacy.noise import composed, noise_std, signal_to_noise


@given(st.floats(0, 1e300), st.floats(1e-6, 1e6))
def test_a_clipped_norm_is_never_above_the_bound(norm: float, bound: float) -> None:
    clipped = norm * clip_factor(norm, bound)
    assert clipped <= bound * (1 + 1e-15)
    assert clipped == pytest.approx(min(norm, bound))


@pytest.mark.parametrize("bound", [0.0, -1.0, 1e-30, 1e30, nan, inf])
def test_refuse_a_clipping_norm_that_is_out_of_range(bound: float) -> None:
    with pytest.raises(ValueError, match=r"clipping norm is .*, but must be from 1e-06 to 1e"):
        clip_factor(1.0, bound)
    with pytest.raises(ValueError, match="clipping norm"):
        noise_std(1.0, bound, 4)


@pytest.mark.parametrize(("bound", "fraction"), [(1e-6, 1e9), (1e6, -1e9)])
def test_an_adaptive_clipping_norm_stays_in_the_range_of_clipping_norms(bound: float, fraction: float) -> None:
    assert next_bound(bound, fraction, 0.5, 1.0) == bound
    assert next_bound(bound, -fraction, 0.5, 1.0) != bound


@pytest.mark.parametrize("norm", [-1.0, nan, inf])
def test_refuse_a_norm_that_is_not_a_number(norm: float) -> None:
    for function in (lambda: is_within(norm, 1.0), lambda: stated_norm(norm)):
        with pytest.raises(ValueError, match=r"norm of an update is"):
            function()


@given(st.floats(1e-45, 1e45), st.floats(-1e-11, 1e-11))
def test_a_stated_norm_is_true_on_every_machine_and_clips_to_the_bound(norm: float, rounding: float) -> None:
    """Machines add the squares of an update in different orders."""
    stated, measured = stated_norm(norm), norm * (1 + rounding)
    assert states(stated, measured)
    assert measured * clip_factor(stated, 1.0) <= 1.0
    assert float(f"{stated:.8e}") == stated, "nine digits"


@given(st.floats(1e-45, 1e45))
def test_no_other_norm_is_true(norm: float) -> None:
    stated = stated_norm(norm)
    for other in (0.0, -norm, nan, inf, 1e-300, stated * (1 - 3e-8), stated * (1 + 3e-8)):
        assert not states(other, norm)
    for measured in (nan, inf):
        assert not states(stated, measured)


def test_the_noise_on_the_mean_depends_on_the_updates_that_are_in_it() -> None:
    assert noise_std(2.0, 0.5, 4) == 0.25
    assert noise_std(2.0, 0.5, 3) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="updates in the mean is 0"):
        noise_std(2.0, 0.5, 0)


def test_signal_to_noise_is_the_expected_norm_of_the_noise_over_the_bound() -> None:
    values, updates, multiplier, bound = 10_000, 8, 1.5, 0.3
    noise = np.random.default_rng(1).normal(0, noise_std(multiplier, bound, updates), values)
    assert signal_to_noise(multiplier, updates, values) == pytest.approx(bound / np.linalg.norm(noise), rel=0.03)


@given(st.floats(0.1, 100), st.floats(1.01, 100))
def test_updates_and_indicators_together_cost_the_multiplier(multiplier: float, ratio: float) -> None:
    indicator_noise = multiplier * ratio
    updates = update_multiplier(multiplier, indicator_noise)
    assert updates >= multiplier
    assert composed({updates: 1}) >= multiplier
    assert 1 / hypot(1 / updates, 1 / indicator_noise) == pytest.approx(multiplier)


def test_refuse_indicator_noise_that_leaves_nothing_for_the_updates() -> None:
    with pytest.raises(ValueError, match=r"Set it to more than 1\."):
        update_multiplier(1.0, 1.0)


@given(st.floats(0.05, 100), st.integers(1, 1000))
def test_the_default_indicator_noise_is_always_possible(multiplier: float, updates: int) -> None:
    indicator_noise = default_indicator_noise(multiplier, updates)
    assert update_multiplier(multiplier, indicator_noise) <= multiplier * sqrt(4 / 3) * (1 + 1e-12)


@pytest.mark.parametrize("start", [0.01, 100.0])
@pytest.mark.parametrize("quantile", [0.3, 0.5, 0.9])
def test_the_bound_converges_to_the_quantile_from_both_sides(start: float, quantile: float) -> None:
    """200 updates whose norms are 0.01 to 2, with the noise of the paper. A reversed sign diverges."""
    norms = np.linspace(0.01, 2, 200)
    noise = np.random.default_rng(3)
    bound, bounds = start, list[float]()
    for _ in range(600):
        within = int(np.count_nonzero(norms <= bound))
        fraction = noisy_fraction(within, noise.normal(0, len(norms) / 20), len(norms))
        bound = next_bound(bound, fraction, quantile, learning_rate=0.2)
        bounds.append(bound)
    assert np.mean(bounds[-300:]) == pytest.approx(np.quantile(norms, quantile), rel=0.05)


def test_one_round_changes_the_bound_by_a_bounded_factor() -> None:
    assert next_bound(1.0, 1e9, 0.5, 0.2) == pytest.approx(np.exp(-2))
    assert next_bound(1.0, -1e9, 0.5, 0.2) == pytest.approx(np.exp(2))
    with pytest.raises(ValueError, match="noisy fraction"):
        next_bound(1.0, nan, 0.5, 0.2)


def test_refuse_impossible_counts_of_updates_within_the_bound() -> None:
    with pytest.raises(ValueError, match="5 of 4 updates"):
        noisy_fraction(5, 0.0, 4)
