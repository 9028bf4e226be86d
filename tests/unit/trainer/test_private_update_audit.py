"""An audit with a canary where the participant clips and adds its share of the noise; as in test_privacy_audit.py.

Two participants. The attacker is the other one, or the hub: it knows everything but the canary's update, so all that
hides the canary is its own share, which is the whole noise for q = 2."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from fedtrain_trainer import private_update as module
from scipy.stats import beta
from test_private_update import task

from fedtrain.contracts.tasks import NoiseShare, UpdateClipping
from fedtrain.privacy.accounting import Release, epsilon
from fedtrain.privacy.gaussian_noise import std_in_steps

TRIALS, VALUES, BOUND, MULTIPLIER, DELTA, CONFIDENCE = 1200, 16, 0.5, 1.0, 1e-5, 0.999
CLAIM = epsilon({Release(MULTIPLIER): 1}, DELTA)


def scores(present: bool, key: str) -> Any:
    """The attacker's statistic in each trial: the noisy update along the canary."""
    canary = torch.zeros(1, VALUES)
    canary[0, 0] = 3 * BOUND if present else 0.0
    fields = {
        "clipping": UpdateClipping(bound=BOUND),
        "noise": NoiseShare(multiplier=MULTIPLIER, updates=2),
    }
    found: list[float] = []
    made, work = task(**fields)
    for trial in range(TRIALS):
        own = work.model_copy(update={"plan": f"blake3:{trial:064x}"})
        found.append(float(module.private_update(made, own, {"a": canary}, key)[0]["a"][0, 0]))
    return np.array(found)


def largest_rate(errors: int) -> float:
    """Upper Clopper-Pearson bound of an error rate."""
    return float(beta.ppf(1 - (1 - CONFIDENCE) / 2, errors + 1, TRIALS - errors)) if errors < TRIALS else 1.0


def audited_epsilon(key: str) -> float:
    absent, present = scores(False, key), scores(True, key)
    threshold = (np.median(absent) + np.median(present)) / 2
    rates = [int(np.count_nonzero(absent > threshold)), int(np.count_nonzero(present <= threshold))]
    mu = -sum(NormalDist().inv_cdf(largest_rate(errors)) for errors in rates)
    return epsilon({Release(1 / mu): 1}, DELTA) if mu > 0 else 0.0


@pytest.fixture
def key(tmp_path: Any) -> str:
    (tmp_path / "key").write_bytes(b"k" * 32)
    return str(tmp_path / "key")


def test_the_audit_does_not_exceed_the_claim_and_comes_close(key: str) -> None:
    assert 0.7 * CLAIM < audited_epsilon(key) <= CLAIM


def _halved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "std_in_steps", lambda *known: std_in_steps(*known) / 2)


def _unclipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "clip_factor", lambda norm, bound: 1.0)


def _shared_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares for q participants instead of q - 1: one of them knows half of the noise."""
    monkeypatch.setattr(module, "share_multiplier", lambda multiplier, updates: multiplier / updates**0.5)


@pytest.mark.parametrize("break_it", [_halved, _unclipped, _shared_among_all])
def test_the_audit_catches(
    break_it: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    break_it(monkeypatch)
    assert audited_epsilon(key) > CLAIM
