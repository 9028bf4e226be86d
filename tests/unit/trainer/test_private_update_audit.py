"""An audit with a canary where the participants clip and add their shares of the noise; as in test_privacy_audit.py.

Two participants: the attacker is the other one, or the hub. It knows everything but the canary's update, so all that
hides the canary is its own share, which is the whole noise for q = 2.

Three participants: the attacker is one of them and sees the mean. The shares of the other two hide the canary."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from fedtrain_aggregator.combine import Mean
from fedtrain_aggregator.privacy import private_round
from fedtrain_aggregator.privacy.private_round import private_sum
from fedtrain_aggregator.privacy.shared_noise import SharedNoise
from fedtrain_trainer import private_update as module
from scipy.stats import beta
from test_private_update import task

from fedtrain.api.privacy import AdaptiveClipping
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.tasks import NoiseShare, UpdateClipping
from fedtrain.privacy.accounting import Release, epsilon
from fedtrain.privacy.gaussian_noise import std_in_steps

TRIALS, VALUES, BOUND, MULTIPLIER, DELTA, CONFIDENCE = 1200, 16, 0.5, 1.0, 1e-5, 0.999
CLAIM = epsilon({Release(MULTIPLIER): 1}, DELTA)


def noisy_updates(who: str, update: torch.Tensor, participants: int, key: str) -> Any:
    """What a participant sends in each trial."""
    made, work = task(
        participant=who,
        clipping=UpdateClipping(bound=BOUND),
        noise=NoiseShare(multiplier=MULTIPLIER, updates=participants),
    )
    plans = (work.model_copy(update={"plan": f"blake3:{trial:064x}"}) for trial in range(TRIALS))
    return np.array([module.private_update(made, plan, {"a": update}, key)[0]["a"][0].numpy() for plan in plans])


def scores(present: bool, participants: int, key: str) -> Any:
    """The attacker's statistic in each trial: what it sees along the canary."""
    canary = torch.zeros(1, VALUES)
    canary[0, 0] = 3 * BOUND if present else 0.0
    sent = [noisy_updates("canary", canary, participants, key)]
    if participants == 2:
        return sent[0][:, 0]
    sent.append(noisy_updates(f"other-{present}", torch.full((1, VALUES), 0.01), participants, key))
    sent.append(np.zeros_like(sent[0]))  # the attacker's own update, which it subtracts
    return np.array([mean_of([updates[trial] for updates in sent])[0] for trial in range(TRIALS)])


def mean_of(updates: list[Any]) -> Any:
    """The aggregator's stages, without files."""
    planned = RoundPrivacy(
        bound=BOUND,
        multiplier=MULTIPLIER,
        update_multiplier=MULTIPLIER,
        clipping_location="Client",
        noise_shares=len(updates),
    )
    spend = Spend(run_id="audit", round=1, k=1, multiplier=MULTIPLIER)
    round = SharedNoise(planned, spend, [BOUND for _ in updates], [], 0, VALUES, AdaptiveClipping())
    combination = private_sum(planned, round.norms, round.arrived).combination(VALUES, ())
    combination.begin(VALUES)
    for number, update in enumerate(updates):
        combination.add(number, update)
    found: list[Any] = []
    round.noisy(lambda start, combined: found.append(combined.copy()))(0, combination.result())
    return found[0]


def largest_rate(errors: int) -> float:
    """Upper Clopper-Pearson bound of an error rate."""
    return float(beta.ppf(1 - (1 - CONFIDENCE) / 2, errors + 1, TRIALS - errors)) if errors < TRIALS else 1.0


def audited_epsilon(participants: int, key: str) -> float:
    absent, present = (scores(present, participants, key) for present in (False, True))
    threshold = (np.median(absent) + np.median(present)) / 2
    rates = [int(np.count_nonzero(absent > threshold)), int(np.count_nonzero(present <= threshold))]
    mu = -sum(NormalDist().inv_cdf(largest_rate(errors)) for errors in rates)
    return epsilon({Release(1 / mu): 1}, DELTA) if mu > 0 else 0.0


@pytest.fixture
def key(tmp_path: Any) -> str:
    (tmp_path / "key").write_bytes(b"k" * 32)
    return str(tmp_path / "key")


@pytest.mark.parametrize("participants", [2, 3])
def test_the_audit_does_not_exceed_the_claim_and_comes_close(participants: int, key: str) -> None:
    """With this confidence and number of trials, 12 audits found 0.63 to 0.87 of the claim."""
    assert 0.55 * CLAIM < audited_epsilon(participants, key) <= CLAIM


def _halved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "std_in_steps", lambda *known: std_in_steps(*known) / 2)


def _unclipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "clip_factor", lambda norm, bound: 1.0)


def _shared_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares for q participants instead of q - 1: one of them knows half of the noise."""
    monkeypatch.setattr(module, "share_multiplier", lambda multiplier, updates: multiplier / updates**0.5)


def _by_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary has ten times the rows of each other participant, so that its update is hardly hidden by their
    shares."""
    monkeypatch.setattr(private_round, "Mean", lambda weights: Mean([10 / 12, 1 / 12, 1 / 12]))


@pytest.mark.parametrize(
    ("break_it", "participants"), [(_halved, 2), (_unclipped, 2), (_shared_among_all, 2), (_by_samples, 3)]
)
def test_the_audit_catches(
    break_it: Callable[[pytest.MonkeyPatch], None], participants: int, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    break_it(monkeypatch)
    assert audited_epsilon(participants, key) > CLAIM
