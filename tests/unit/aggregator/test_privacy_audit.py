"""An audit with a canary: many cheap rounds with and without one participant's update give a lower bound of epsilon.

The attacker knows the other updates and projects the noisy mean on the canary. Its error rates, with Clopper-Pearson
bounds, limit the mu of a Gaussian mechanism (Nasr et al. 2023, "Tight Auditing of Differentially Private Machine
Learning", section 4.3), whose epsilon must not exceed the claim. The audit is tight enough to catch faults.

With adaptive clipping, the attacker also reads the noisy number of unclipped updates from the next norm. The canary is
always clipped and zeros are not, which moves the number by one. It adds both up as a likelihood ratio."""

from collections.abc import Callable
from math import log
from statistics import NormalDist
from typing import Literal

import numpy as np
import pytest
from blake3 import blake3
from fedtrain_aggregator.privacy import clipped_sum, hub_noise
from fedtrain_aggregator.privacy.clipped_sum import ClippedSum
from fedtrain_aggregator.privacy.hub_noise import HubNoise
from scipy.stats import beta

from fedtrain.api.privacy import AdaptiveClipping
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.accounting import Release, epsilon
from fedtrain.privacy.adaptive_clipping import update_multiplier
from fedtrain.privacy.clipping import clip_factor
from fedtrain.privacy.gaussian_noise import NoiseStream, std_in_steps

TRIALS = 2000
VALUES = 16
BOUND = 0.5
MULTIPLIER = 1.0
ROUNDS = 3
DELTA = 1e-5
CONFIDENCE = 0.999
CANARY_NORM = 3 * BOUND
"""Longer than the bound, so that it has all the influence that clipping allows."""
LONG = 100 * BOUND
"""Longer than the norm becomes in ROUNDS rounds of adaptive clipping."""

Mode = Literal["Server", "Client", "Adaptive"]
"""Who clips to a fixed norm; with Adaptive, the hub clips to a norm that it adapts."""
INDICATOR = 2.0
"""Standard deviation of the noise on the number of unclipped updates."""
OF_UPDATES = update_multiplier(MULTIPLIER, INDICATOR)
ADAPTIVE = AdaptiveClipping()


def noisy_mean(updates: list[np.ndarray], seed: bytes, mode: Mode, bound: float) -> tuple[np.ndarray, float]:
    """One round of the aggregator's stages, without files. Return the mean and the next norm."""
    adaptive = mode == "Adaptive"
    planned = RoundPrivacy(
        bound=bound,
        multiplier=MULTIPLIER,
        update_multiplier=OF_UPDATES if adaptive else MULTIPLIER,
        indicator_noise=INDICATOR if adaptive else None,
        clipping_location="Client" if mode == "Client" else None,
    )
    spend = Spend(run_id="audit", round=1, k=1, multiplier=MULTIPLIER, seed=seed.hex())
    norms = [float(np.linalg.norm(update.astype(np.float64))) for update in updates]
    round = HubNoise(planned, spend, norms, [], 0, VALUES, ADAPTIVE)
    combination = ClippedSum(planned, norms).combination(VALUES, ())
    combination.begin(VALUES)
    for number, update in enumerate(updates):
        combination.add(number, update)
    found: list[np.ndarray] = []
    round.noisy(lambda start, combined: found.append(combined.copy()))(0, combination.result())
    return found[0], round.mean().next_bound if adaptive else bound


def score(updates: list[np.ndarray], trial: str, mode: Mode) -> float:
    """The attacker's statistic over all rounds."""
    total, bound = 0.0, BOUND
    for round in range(ROUNDS):
        mean, following = noisy_mean(updates, blake3(f"{trial}/{round}".encode()).digest(), mode, bound)
        if mode == "Adaptive":
            unclipped = len(updates) * (ADAPTIVE.target_quantile - log(following / bound) / ADAPTIVE.learning_rate)
            total += len(updates) * mean[0] / bound / OF_UPDATES**2 - unclipped / INDICATOR**2
        else:
            total += mean[0]
        bound = following
    return total


def scores(present: bool, mode: Mode) -> np.ndarray:
    """The statistic of each trial. With adaptive clipping, the others' updates are clipped whatever the norm."""
    others = list(np.random.default_rng(5).normal(0, 0.1, (3, VALUES)).astype(np.float32))
    if mode == "Adaptive":
        others = [LONG * np.eye(VALUES, dtype=np.float32)[1 + number] for number in range(3)]
    canary = np.zeros(VALUES, np.float32)
    norm = {"Server": CANARY_NORM, "Client": BOUND, "Adaptive": LONG}[mode]
    canary[0] = norm if present else 0.0
    return np.array([score([*others, canary], f"{present}/{trial}", mode) for trial in range(TRIALS)])


def largest_rate(errors: int) -> float:
    """Upper Clopper-Pearson bound of an error rate."""
    return float(beta.ppf(1 - (1 - CONFIDENCE) / 2, errors + 1, TRIALS - errors)) if errors < TRIALS else 1.0


def audited_epsilon(mode: Mode) -> float:
    """The lower bound of epsilon."""
    absent, present = scores(False, mode), scores(True, mode)
    threshold = (np.median(absent) + np.median(present)) / 2
    false_positives = largest_rate(int(np.count_nonzero(absent > threshold)))
    false_negatives = largest_rate(int(np.count_nonzero(present <= threshold)))
    normal = NormalDist()
    mu = normal.inv_cdf(1 - false_positives) - normal.inv_cdf(false_negatives)
    return epsilon({Release(1 / mu): 1}, DELTA) if mu > 0 else 0.0


CLAIM = epsilon({Release(MULTIPLIER): ROUNDS}, DELTA)


@pytest.mark.parametrize("mode", ["Server", "Client", "Adaptive"])
def test_the_audit_does_not_exceed_the_claim_and_comes_close(mode: Mode) -> None:
    assert 0.75 * CLAIM < audited_epsilon(mode) <= CLAIM


def _halved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_noise, "std_in_steps", lambda *known: std_in_steps(*known) / 2)


def _unclipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipped_sum, "clip_factor", lambda norm, bound: 1.0)


def _by_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary has half of all samples: twice the share of an equal weight."""

    def weighted(norm: float, bound: float) -> float:
        return clip_factor(norm, bound) * (2 if norm >= BOUND else 2 / 3)

    monkeypatch.setattr(clipped_sum, "clip_factor", weighted)


def _counted_without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoiseStream, "on_count", lambda stream, std: 0.0)


@pytest.mark.parametrize(
    ("break_it", "mode"),
    [
        (_halved, "Server"),
        (_unclipped, "Server"),
        (_by_samples, "Server"),
        (_halved, "Client"),
        (_by_samples, "Client"),
        (_halved, "Adaptive"),
        (_counted_without_noise, "Adaptive"),
    ],
)
def test_the_audit_catches(
    break_it: Callable[[pytest.MonkeyPatch], None], mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that a participant did not clip is quarantined: test_clipping_by_participants.py."""
    break_it(monkeypatch)
    assert audited_epsilon(mode) > CLAIM
