"""Noise at a granularity: its distribution, its steps, and its extremes."""

import numpy as np
import pytest

from fedtrain.privacy.gaussian_noise import NoiseStream, check_range, granularity, std_in_steps
from tests.support.noise_samples import first_samples

SEED = bytes(range(32))


def test_samples_are_standard_gaussian() -> None:
    found = NoiseStream(SEED, "test").samples(0, 400_000)
    assert abs(found.mean()) < 5 / np.sqrt(len(found))
    assert found.std() == pytest.approx(1, rel=0.005)
    assert (found**4).mean() == pytest.approx(3, rel=0.02)
    for bound, share in ((1, 0.3173), (2, 0.0455), (3, 0.0027)):
        assert np.mean(np.abs(found) > bound) == pytest.approx(share, abs=5 * np.sqrt(share / len(found)))


def test_a_sample_depends_on_its_number_only() -> None:
    whole = NoiseStream(SEED, "test").samples(0, 1001)
    parts = [NoiseStream(SEED, "test").samples(start, min(100, 1001 - start)) for start in range(0, 1001, 100)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_samples_of_other_seeds_and_purposes_are_unrelated() -> None:
    streams = [NoiseStream(SEED, "a"), NoiseStream(SEED, "b"), NoiseStream(bytes(32), "a")]
    found = np.asarray(np.corrcoef([stream.samples(0, 10_000) for stream in streams]))
    assert np.abs(found[np.triu_indices(3, 1)]).max() < 0.05


@pytest.mark.parametrize("std", [0.3, 5.0])
def test_the_noise_on_a_count_is_within_one_percent_of_the_formula(std: float) -> None:
    """Each count has another seed. 1% is 4.5 standard errors."""
    seeds = [number.to_bytes(32, "big") for number in range(100_000)]
    samples = std * first_samples(seeds, "indicators")
    assert np.std(samples) == pytest.approx(std, rel=0.01)
    assert abs(np.mean(samples)) < 5 * std / np.sqrt(len(seeds))
    drawn = [NoiseStream(seed, "indicators").on_count(std) for seed in seeds[:300]]
    assert drawn == pytest.approx(samples[:300].tolist(), rel=1e-6, abs=1e-6)


def test_noise_has_at_least_its_formulas_size_at_any_granularity() -> None:
    for multiplier, bound, values in ((0.01, 1e-6, 10), (1.0, 1.0, 10**6), (1000.0, 1e6, 10**8)):
        std = std_in_steps(multiplier, bound, values) * granularity(multiplier, bound)
        assert multiplier * bound <= std <= multiplier * bound * 1.01


def test_the_noise_covers_what_rounding_adds_to_the_norm() -> None:
    """Rounding adds the most to the norm where each value is half a step below the next whole step."""
    multiplier, values = 0.5, 10**6
    update = np.full(values, 1.5 * 2.0**21 + 1.5)  # in steps; ties are rounded to even, here up
    bound = float(np.linalg.norm(update)) * granularity(multiplier, 1.0)
    assert granularity(multiplier, bound) == granularity(multiplier, 1.0), "these steps are those of this bound"
    assert np.linalg.norm(np.rint(update)) <= std_in_steps(multiplier, bound, values) / multiplier * (1 + 1e-12)


@pytest.mark.parametrize("multiplier", [0.01, 0.9, 1.1, 1000.0])
def test_a_granularity_for_more_updates_keeps_their_sum_exact_and_the_size_of_the_noise(multiplier: float) -> None:
    bound, values = 0.7, 10**8
    for updates in (1, 2_500_000, 20_000_000):
        step = granularity(multiplier, bound, updates)
        assert updates * (bound / step + 1) < 2.0**52
        std = std_in_steps(multiplier, bound, values, updates)
        assert std >= 2.0**19, "fine enough for a Gaussian"
        assert multiplier * bound <= std * step <= multiplier * bound * 1.01
    assert granularity(multiplier, bound, 1) == granularity(multiplier, bound)


def test_refuse_sums_that_are_not_exact_and_extreme_norms() -> None:
    exact = int(2.0**52 / (1 / granularity(0.01, 1.0) + 1))  # float64 has 53 bits, and the noise takes one
    check_range(0.01, 1.0, exact)
    with pytest.raises(ValueError, match="is not exact"):
        check_range(0.01, 1.0, exact + 1)
    with pytest.raises(ValueError, match="is not exact"):
        check_range(1e-6, 1.0, 1000)
    with pytest.raises(ValueError, match="clipping norm is 1e-300, but must be from 1e-06 to 1e"):
        granularity(1.0, 1e-300)


def test_refuse_short_seeds_and_odd_starts() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        NoiseStream(bytes(16), "test")
    with pytest.raises(ValueError, match="come in pairs"):
        NoiseStream(SEED, "test").samples(1, 4)
