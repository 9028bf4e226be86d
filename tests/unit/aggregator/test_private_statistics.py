"""What the noise and the clipping norm are in the long run, in each mode of `unit: Participant`."""

from collections.abc import Mapping
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator.kernels import CHUNK
from fedtrain_aggregator.privacy.clipped_sum import ClippedSum
from fedtrain_aggregator.privacy.hub_noise import HubNoise
from fedtrain_aggregator.privacy.private_round import PrivateRound
from fedtrain_aggregator.privacy.shared_noise import SharedNoise
from private_round_on_disk import ADAPTIVE, PEOPLE, maker
from round_on_disk import A, B, adapter

from fedtrain.api.privacy import AdaptiveClipping
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.adaptive_clipping import update_multiplier
from fedtrain.privacy.gaussian_noise import granularity
from fedtrain.privacy.noise_shares import share_multiplier
from tests.support.noise_samples import first_samples

SHAPES = {A: (300, 200), B: (200, 300)}
VALUES = 120_000
"""The standard deviation of this many samples is within 0.8% of that of their distribution, at 4 standard errors."""
Z, C, SHARES, INDICATOR = 2.0, 0.7, 3, 5.0
AFTER_INDICATORS = 1 / sqrt(Z**-2 - INDICATOR**-2)
"""Multiplier of the noise on the updates where the indicators are released too (Andrew et al. 2021, Theorem 1)."""

MODES: Mapping[str, Mapping[str, Any]] = {
    "Server, Fixed": {},
    "Server, Adaptive": {"indicator_noise": INDICATOR, "clipping": ADAPTIVE},
    "Client, Fixed": {"clipping_location": "Client"},
    "Client, Adaptive": {"clipping_location": "Client", "indicator_noise": INDICATOR, "clipping": ADAPTIVE},
    "Client with shares, Fixed": {"clipping_location": "Client", "noise_shares": SHARES},
    "Client with shares, Adaptive": {
        "clipping_location": "Client",
        "noise_shares": SHARES,
        "indicator_noise": INDICATOR,
        "clipping": ADAPTIVE,
    },
}


def of_norm(seed: int, norm: float) -> dict[str, Any]:
    made = adapter(seed, SHAPES)
    found = sqrt(sum(float(np.sum(values.astype(np.float64) ** 2)) for values in made.values()))
    return {name: (values * (norm / found)).astype(np.float32) for name, values in made.items()}


@pytest.mark.parametrize("arrived", [4, 3])
@pytest.mark.parametrize("mode", MODES)
def test_the_noise_is_within_one_percent_of_the_formula(mode: str, arrived: int, tmp_path: Path) -> None:
    """Also if a participant is missing."""
    fields = MODES[mode]
    made = maker(tmp_path, SHAPES)(bound=C, multiplier=Z, **fields)
    multiplier = AFTER_INDICATORS if "indicator_noise" in fields else Z
    share = multiplier * C / sqrt(SHARES - 1)
    expected = np.zeros(VALUES)
    for number, who in enumerate(PEOPLE[:arrived]):
        clipped = of_norm(number, C * 0.999)
        expected += np.concatenate([clipped[name].ravel() for name in sorted(SHAPES)]) / arrived
        sent = of_norm(number, 3 * C) if mode.startswith("Server") else clipped
        if "noise_shares" in fields:
            noise = np.random.default_rng(number)
            sent = {name: (v + noise.normal(0, share, v.shape)).astype(np.float32) for name, v in sent.items()}
        made.round.send(who, sent, within_bound=1.0 if "indicator_noise" in fields else None)
    made.round.close()
    done = made.aggregated()
    formula = share * sqrt(arrived) / arrived if "noise_shares" in fields else multiplier * C / arrived
    assert np.std(made.step(done) - expected) == pytest.approx(formula, rel=0.01)
    assert done.privacy is not None
    assert done.privacy.noise_std == pytest.approx(formula, rel=1e-5)


def a_round(mode: str, bound: float, norms: np.ndarray, round: int) -> PrivateRound:
    planned = RoundPrivacy(
        bound=bound,
        multiplier=1.0,
        update_multiplier=update_multiplier(1.0, INDICATOR),
        indicator_noise=INDICATOR,
        clipping_location=None if mode == "Server" else "Client",
        noise_shares=len(norms) if mode == "Client with shares" else None,
    )
    spend = Spend(run_id="run", round=round, k=1, multiplier=1.0, seed=f"{round:064x}")
    within = (norms <= bound).astype(float)
    if planned.noise_shares is not None:
        within += np.random.default_rng(round).normal(0, INDICATOR / sqrt(len(norms) - 1), len(norms))
    kind = HubNoise if planned.noise_shares is None else SharedNoise
    return kind(planned, spend, list(norms), list(within), 0, VALUES, AdaptiveClipping(target_quantile=0.3))


@pytest.mark.parametrize("arrived", [4, 3])
@pytest.mark.parametrize("mode", ["Server", "Client"])
def test_the_hubs_noise_on_the_indicators_is_the_sample_times_the_deviation_of_the_plan(
    mode: str, arrived: int
) -> None:
    """Also if a participant is missing. The samples' own deviation is 1, within 1%: test_gaussian_noise.py."""
    norms = np.full(arrived, 0.5)
    fractions = [noisy_share(a_round(mode, 1.0, norms, round)) for round in range(100)]
    noise = arrived * np.array(fractions) - arrived  # all updates are within the bound
    expected = INDICATOR * first_samples((round.to_bytes(32, "big") for round in range(100)), "indicators")
    assert noise == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("arrived", [4, 3])
def test_the_participants_noise_on_the_indicators_is_within_one_percent_of_the_formula(arrived: int) -> None:
    """Shares for 3 updates: what arrives beyond them adds noise. One round of 40,000 indicators each; the standard
    deviation of so many is within 0.9% at 2.5 standard errors, and the seeds are fixed."""
    rounds, share = 40_000, share_multiplier(INDICATOR, SHARES)
    seeds = (number.to_bytes(32, "big") for number in range(rounds * arrived))
    sent = 1 + share * first_samples(seeds, "indicators").reshape(rounds, arrived)
    planned = RoundPrivacy(
        bound=1.0,
        multiplier=1.0,
        update_multiplier=update_multiplier(1.0, INDICATOR),
        indicator_noise=INDICATOR,
        clipping_location="Client",
        noise_shares=SHARES,
    )
    spend = Spend(run_id="run", round=1, k=1, multiplier=1.0)
    adaptive = AdaptiveClipping(target_quantile=0.3)
    made = [SharedNoise(planned, spend, [0.5] * arrived, list(one), 0, VALUES, adaptive) for one in sent[:20]]
    assert [noisy_share(one) for one in made] == pytest.approx(sent[:20].sum(axis=1) / arrived)
    formula = INDICATOR / sqrt(SHARES - 1) * sqrt(arrived)
    assert np.std(sent.sum(axis=1)) == pytest.approx(formula, rel=0.01)


def noisy_share(round: PrivateRound) -> float:
    """The noisy share b~ of updates within C, from the next bound C exp(-rate (b~ - quantile))."""
    return 0.3 - log(round.mean().next_bound) / AdaptiveClipping().learning_rate


def test_the_sum_has_whole_steps_of_the_noises_granularity() -> None:
    """Values between the steps would show in the low bits of the noisy sum."""
    norms, values = np.full(2, 0.5), np.random.default_rng(1).normal(0, 0.1, 100).astype(np.float32)
    combined = ClippedSum(a_round("Server", 1.0, norms, 1).planned, list(norms)).combination(len(values), [])
    combined.begin(len(values))
    for number in range(2):
        combined.add(number, values)
    found = combined.result()
    assert np.array_equal(found, np.rint(found))
    assert np.abs(found).max() > 2**24


def test_a_clipped_update_has_the_norm_of_the_bound() -> None:
    values = np.random.default_rng(1).normal(0, 0.1, 100_000).astype(np.float32)
    made = a_round("Server", C, np.array([np.linalg.norm(values.astype(np.float64))]), 1)
    combined = ClippedSum(made.planned, made.norms).combination(len(values), [])
    combined.begin(len(values))
    combined.add(0, values)
    step = granularity(made.planned.update_multiplier, C)
    assert np.linalg.norm(combined.result() * step) == pytest.approx(C, rel=1e-6)


def test_no_block_repeats_the_noise_of_another() -> None:
    made, whole = a_round("Server", 1.0, np.full(2, 0.5), 1), np.zeros(60_000)
    made.noisy(lambda start, combined: None)(0, whole)
    for start, end in ((0, 20_000), (20_000, 60_000)):
        block = np.zeros(end - start)
        made.noisy(lambda start, combined: None)(start, block)
        assert np.array_equal(block, whole[start:end])
    first, second = whole[: 6 * CHUNK], whole[6 * CHUNK : 12 * CHUNK]
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / sqrt(6 * CHUNK)


def test_the_noise_on_the_indicators_is_not_that_of_a_value() -> None:
    """Two equal samples could be subtracted from each other."""
    norms, found = np.full(100, 0.5), list[tuple[float, float]]()
    for round in range(400):
        made, values = a_round("Server", 1.0, norms, round), np.zeros(8)
        assert isinstance(made, HubNoise)
        made.noisy(lambda start, combined: None)(0, values)
        found.append((log(made.mean().next_bound), values[0]))
    assert abs(np.corrcoef(np.array(found).T)[0, 1]) < 5 / sqrt(400)


@pytest.mark.parametrize("start", [0.01, 100.0])
@pytest.mark.parametrize("mode", ["Server", "Client", "Client with shares"])
def test_the_clipping_norm_converges_to_the_quantile_from_both_sides(mode: str, start: float) -> None:
    """100 updates whose norms are log-uniform in 0.1 to 10. A reversed sign diverges."""
    norms = np.exp(np.linspace(log(0.1), log(10), 100))
    bound, bounds = start, list[float]()
    for round in range(400):
        bound = a_round(mode, bound, norms, round).mean().next_bound
        bounds.append(bound)
    quantile = exp(log(0.1) + 0.3 * log(100))
    assert np.exp(np.mean(np.log(bounds[-200:]))) == pytest.approx(quantile, rel=0.1)
