"""An audit with a canary: many cheap rounds with and without one participant's update give a lower bound of epsilon.

The attacker knows the other updates and projects the noisy mean on the canary. Its error rates, with Clopper-Pearson
bounds, limit the mu of a Gaussian mechanism (Nasr et al. 2023, "Tight Auditing of Differentially Private Machine
Learning", section 4.3), whose epsilon must not exceed the claim. The audit is tight enough to catch faults."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Literal

import numpy as np
import pytest
from blake3 import blake3
from fedtrain_aggregator.kernels import CHUNK
from fedtrain_aggregator.privacy import clipped_sum, hub_noise
from fedtrain_aggregator.privacy.hub_noise import HubNoise
from scipy.stats import beta

from fedtrain.api.privacy import AdaptiveClipping
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.accounting import Release, epsilon
from fedtrain.privacy.clipping import clip_factor
from fedtrain.privacy.gaussian_noise import std_in_steps

TRIALS = 2000
VALUES = 16
BOUND = 0.5
MULTIPLIER = 1.0
ROUNDS = 3
DELTA = 1e-5
CONFIDENCE = 0.999
CANARY_NORM = 3 * BOUND
"""Longer than the bound, so that it has all the influence that clipping allows."""


Location = Literal["Client"] | None


def noisy_mean(updates: list[np.ndarray], seed: bytes, clipped_by: Location) -> np.ndarray:
    """One round of the aggregator's stages, without files."""
    planned = RoundPrivacy(
        bound=BOUND, multiplier=MULTIPLIER, update_multiplier=MULTIPLIER, clipping_location=clipped_by
    )
    spend = Spend(run_id="audit", round=1, k=1, multiplier=MULTIPLIER, seed=seed.hex())
    norms = [float(np.linalg.norm(update.astype(np.float64))) for update in updates]
    round = HubNoise(planned, spend, norms, [], 0, VALUES, AdaptiveClipping())
    combination = round.combine().combination(VALUES, ())
    combination.begin(VALUES)
    combination.add_checked(0, updates, np.zeros(CHUNK, np.uint32))
    found: list[np.ndarray] = []
    round.noisy(lambda start, combined: found.append(combined.copy()))(0, combination.result())
    return found[0]


def scores(present: bool, clipped_by: Location) -> np.ndarray:
    """The attacker's statistic in each trial, over all rounds."""
    others = list(np.random.default_rng(5).normal(0, 0.1, (3, VALUES)).astype(np.float32))
    canary = np.zeros(VALUES, np.float32)
    norm = CANARY_NORM if clipped_by is None else BOUND
    canary[0] = norm if present else 0.0
    return np.array(
        [
            sum(
                noisy_mean([*others, canary], blake3(f"{present}/{trial}/{round}".encode()).digest(), clipped_by)[0]
                for round in range(ROUNDS)
            )
            for trial in range(TRIALS)
        ]
    )


def largest_rate(errors: int) -> float:
    """Upper Clopper-Pearson bound of an error rate."""
    return float(beta.ppf(1 - (1 - CONFIDENCE) / 2, errors + 1, TRIALS - errors)) if errors < TRIALS else 1.0


def audited_epsilon(clipped_by: Location) -> float:
    """The lower bound of epsilon."""
    absent, present = scores(False, clipped_by), scores(True, clipped_by)
    threshold = (np.median(absent) + np.median(present)) / 2
    false_positives = largest_rate(int(np.count_nonzero(absent > threshold)))
    false_negatives = largest_rate(int(np.count_nonzero(present <= threshold)))
    normal = NormalDist()
    mu = normal.inv_cdf(1 - false_positives) - normal.inv_cdf(false_negatives)
    return epsilon({Release(1 / mu): 1}, DELTA) if mu > 0 else 0.0


CLAIM = epsilon({Release(MULTIPLIER): ROUNDS}, DELTA)


@pytest.mark.parametrize("clipped_by", [None, "Client"])
def test_the_audit_does_not_exceed_the_claim_and_comes_close(clipped_by: Location) -> None:
    assert 0.75 * CLAIM < audited_epsilon(clipped_by) <= CLAIM


def _halved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_noise, "std_in_steps", lambda *known: std_in_steps(*known) / 2)


def _unclipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipped_sum, "clip_factor", lambda norm, bound: 1.0)


def _by_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary has half of all samples: twice the share of an equal weight."""

    def weighted(norm: float, bound: float) -> float:
        return clip_factor(norm, bound) * (2 if norm >= BOUND else 2 / 3)

    monkeypatch.setattr(clipped_sum, "clip_factor", weighted)


@pytest.mark.parametrize(
    ("break_it", "clipped_by"),
    [(_halved, None), (_unclipped, None), (_by_samples, None), (_halved, "Client"), (_by_samples, "Client")],
)
def test_the_audit_catches(
    break_it: Callable[[pytest.MonkeyPatch], None], clipped_by: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that a participant did not clip is quarantined: test_clipping_by_participants.py."""
    break_it(monkeypatch)
    assert audited_epsilon(clipped_by) > CLAIM
