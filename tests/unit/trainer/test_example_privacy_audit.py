"""An audit with many canary rows in one run: the gradients of a few steps give a lower bound of epsilon.

The gradient of each canary row has a direction of its own, orthogonal to the others, so in each step each canary is an
independent trial with a row, and each unused direction one without (Steinke, Nasr, Jagielski 2023, "Privacy Auditing
with One (1) Training Run"). Rows are sampled, so the bound cannot assume a Gaussian: at any threshold,
TPR <= e^epsilon FPR + delta, with Clopper-Pearson bounds of both rates (Jagielski, Ullman, Oprea 2020, "Auditing
Differentially Private Machine Learning", section 3). The threshold is fixed in advance. Gradients are made up;
sampling, clipping and noise are those of the trainer."""

from collections.abc import Callable, Mapping
from math import log
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
import torch
from fedtrain_trainer.examples import Example
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.gradients import private
from fedtrain_trainer.gradients.private import PrivateGradient
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.group import Group
from fedtrain_trainer.memory import Fit
from scipy.stats import beta

from fedtrain.api.training import Training
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.tasks import Train
from fedtrain.privacy.accounting import Poisson, Release, epsilon
from fedtrain.privacy.gaussian_noise import std_in_steps

CANARIES, STEPS, BOUND, MULTIPLIER, RATE, DELTA, CONFIDENCE = 200, 20, 0.5, 0.8, 0.25, 0.03, 0.999
VALUES, TRIALS, THRESHOLD = 2 * CANARIES, CANARIES * STEPS, 1.2 * BOUND
CLAIM = epsilon({Release(MULTIPLIER, Poisson(RATE)): 1}, DELTA)


class MadeUpGradients:
    """Stands for PerSampleGradients: the gradient of a row depends on its number only."""

    def __init__(self, model: Any) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def of(self, rows: Any) -> Mapping[str, torch.Tensor]:
        """Longer than the bound, so that a row has all the influence that clipping allows."""
        found = torch.zeros(len(rows.numbers), VALUES)
        found[range(len(rows.numbers)), rows.numbers] = 3 * BOUND
        return {"weights": found}


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "check_per_sample_gradients", lambda *_: None)
    monkeypatch.setattr(private, "PerSampleGradients", MadeUpGradients)
    monkeypatch.setattr(private, "row_losses", lambda model, rows, dtype: rows)

    def row_batch(rows: Any, device: Any) -> SimpleNamespace:
        return SimpleNamespace(numbers=[row[0].ids[0] for row in rows], one_each=True)

    monkeypatch.setattr(private, "row_batch", row_batch)


def scores() -> tuple[Any, Any]:
    """The attacker's statistic in each trial, without and with a row: the gradient's sum in its direction."""
    rows = [[Example([number], [0])] for number in range(CANARIES)]
    batch = int(RATE * CANARIES)
    settings = ExampleNoise(probability=RATE, batch=batch, steps=STEPS, bound=BOUND, multiplier=MULTIPLIER)
    work = Train.model_construct(seed=5, example_noise=settings)
    training = Training.model_validate({"length": {"type": "Steps", "steps": 1}})
    model: Any = SimpleNamespace(
        parameters={"weights": torch.nn.Parameter(torch.zeros(VALUES))},
        device=torch.device("cpu"),
        config=SimpleNamespace(lora_dropout=0.0),
    )
    flat = FlatWeights(model)
    round = Round(work, training, torch.float32, Fit(CANARIES, False), None, bytes(range(32)))
    gradient = PrivateGradient(model, flat, rows, round, settings, Group())
    found = np.array([batch * flat.gradient[:VALUES].numpy() for _ in gradient.estimates()])
    return found[:, CANARIES:].ravel(), found[:, :CANARIES].ravel()


def audited_epsilon() -> float:
    """The lower bound of epsilon of one step."""
    absent, present = (int(np.count_nonzero(found > THRESHOLD)) for found in scores())
    error = (1 - CONFIDENCE) / 2
    true_positives = float(beta.ppf(error, present, TRIALS - present + 1)) if present else 0.0
    false_positives = float(beta.ppf(1 - error, absent + 1, TRIALS - absent))
    return log(max(true_positives - DELTA, 1e-9) / false_positives)


def test_the_audit_does_not_exceed_the_claim_and_comes_close() -> None:
    assert 0.2 * CLAIM < audited_epsilon() <= CLAIM


def _halved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "std_in_steps", lambda *known: std_in_steps(*known) / 2)


def _unclipped(monkeypatch: pytest.MonkeyPatch) -> None:
    clipped = private.add_clipped
    monkeypatch.setattr(private, "add_clipped", lambda gradients, bound, total: clipped(gradients, 1e6, total))


def _all_rows_in_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = private.PoissonSampler
    monkeypatch.setattr(private, "PoissonSampler", lambda seed, probability, units: sampler(seed, 1.0, units))


@pytest.mark.parametrize("break_it", [_halved, _unclipped, _all_rows_in_each_step])
def test_the_audit_catches(break_it: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(monkeypatch)
    assert audited_epsilon() > CLAIM
