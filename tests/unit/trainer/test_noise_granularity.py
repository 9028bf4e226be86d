"""The sum of clipped gradients has whole steps of the granularity of its noise."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fedtrain_trainer.gradients import private

from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.privacy.gaussian_noise import granularity


def test_the_sum_is_rounded_to_whole_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values between the steps would show in the low bits of the noisy sum."""
    monkeypatch.setattr(private, "rounded_noise", lambda stream, std, count: np.zeros(count))
    noise, grain = ExampleNoise(probability=0.5, batch=2, steps=1, bound=1.0, multiplier=1.0), granularity(1.0, 1.0)
    total, model = torch.tensor([0.4, 0.6, 7.3]) * grain, SimpleNamespace(device="cpu")
    gradient: Any = SimpleNamespace(_noise=noise, _seed=bytes(32), _total=total, _model=model, _rows=[[]])
    steps = private.PrivateGradient._noisy_mean(gradient, 0) * noise.batch / grain
    assert steps.tolist() == [0.0, 1.0, 7.0]
