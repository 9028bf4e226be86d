"""DP-SGD: sampled rows, clipped gradients and noise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fedtrain_trainer.adapter_files import config_of
from fedtrain_trainer.examples import Example
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.gradients import private, self_test
from fedtrain_trainer.gradients.clipped import MARGIN
from fedtrain_trainer.gradients.estimator import Rows
from fedtrain_trainer.gradients.per_sample import PerSampleGradients
from fedtrain_trainer.gradients.private import PrivateGradient, rounded_noise
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.gradients.row_batches import RowBatch, row_batch, row_batches, row_losses
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel, Models, initial_weights
from fedtrain_trainer.memory import Fit
from fedtrain_trainer.outcome import Refused, Retry
from tiny_federation import ALMOST_NONE, example_noise

from fedtrain.api.model import Model
from fedtrain.api.training import Training
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.record_fields import MAX_SAMPLES
from fedtrain.contracts.tasks import Train
from fedtrain.privacy.gaussian_noise import NoiseStream, granularity
from fedtrain.privacy.poisson_sampling import PoissonSampler

SEED = bytes(range(32))
STEPS_OF_NOISE = 100


@pytest.fixture
def model(bases: dict[str, Path]) -> AdaptedModel:
    """LoRA with a B that is not zero."""
    settings = Model.model_validate({"base": str(bases["llama"]), "adapter": {"rank": 4, "alpha": 8.0}})
    found = Models().get(bases["llama"], config_of(settings), torch.float32, torch.device("cpu"))
    weights = initial_weights(found, 17)
    generator = torch.Generator().manual_seed(3)
    found.load({name: one + 0.05 * torch.randn(one.shape, generator=generator) for name, one in weights.items()})
    found.module.train()
    return found


def rows_of(lengths: list[int], per_row: int = 1) -> list[list[Example]]:
    chance = np.random.default_rng(1)
    ids = [[chance.integers(3, 200, size).tolist() for _ in range(per_row)] for size in lengths]
    return [[Example(one, list(range(len(one) // 2, len(one)))) for one in row] for row in ids]


ROWS: list[list[Example]] = [*rows_of([5, 9, 14, 7, 22, 6, 11]), [], *rows_of([8, 12], per_row=2)]
"""One row has no answer left, two have two examples."""


def reference(model: AdaptedModel, rows: Rows, bound: float) -> torch.Tensor:
    """The sum of clipped gradients, one row at a time, without hooks."""
    flat = FlatWeights(model)
    total = torch.zeros(flat.count)
    for row in rows:
        if row:
            flat.clear()
            row_losses(model, row_batch([row], model.device), torch.float32).backward()
            gradient = flat.gradient[: flat.count]
            total += gradient * min(1.0, bound / gradient.norm().item())
    return total


def estimated(
    model: AdaptedModel, rows: Rows, settings: ExampleNoise, size: int | None = None, seed: bytes = SEED
) -> Iterator[torch.Tensor]:
    """The gradient of each step."""
    work = Train.model_construct(seed=5, example_noise=settings)
    training = Training.model_validate({"length": {"type": "Steps", "steps": 1}})
    flat = FlatWeights(model)
    round = Round(work, training, torch.float32, Fit(size, False), None, seed)
    gradient = PrivateGradient(model, flat, rows, round, settings, Group())
    for _ in gradient.estimates():
        yield flat.gradient[: flat.count].clone()


@pytest.fixture
def without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "rounded_noise", lambda stream, std, count: np.zeros(count))


@pytest.mark.usefixtures("without_noise")
@pytest.mark.parametrize("size", [1, 3, None])
@pytest.mark.parametrize("bound", [0.05, 1e3])
def test_the_gradient_is_the_sum_of_clipped_gradients_of_rows_whatever_the_micro_batch(
    model: AdaptedModel, size: int | None, bound: float
) -> None:
    settings = ExampleNoise(probability=1.0, batch=10, steps=1, bound=bound, multiplier=1.0)
    (found,) = estimated(model, ROWS, settings, size)
    expected = reference(model, ROWS, bound) / 10
    assert torch.linalg.vector_norm(found - expected) < 1e-4 * torch.linalg.vector_norm(expected)


@pytest.mark.usefixtures("without_noise")
def test_a_row_moves_the_sum_by_at_most_the_bound(model: AdaptedModel) -> None:
    settings = ExampleNoise(probability=1.0, batch=1, steps=1, bound=0.05, multiplier=1.0)
    (whole,) = estimated(model, ROWS, settings)
    for left_out in range(len(ROWS)):
        (without,) = estimated(model, ROWS[:left_out] + ROWS[left_out + 1 :], settings)
        assert torch.linalg.vector_norm(whole - without) <= 0.05


def test_dropout_is_refused_because_one_row_more_changes_the_gradients_of_other_rows(bases: dict[str, Path]) -> None:
    settings = Model.model_validate({"base": str(bases["llama"]), "adapter": {"rank": 4, "dropout": 0.1}})
    found = Models().get(bases["llama"], config_of(settings), torch.float32, torch.device("cpu"))
    found.load(initial_weights(found, 17))
    with pytest.raises(Refused, match="dropout"):
        next(estimated(found, ROWS, ExampleNoise(**example_noise())))


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_dropout_of_the_base_itself_changes_no_gradient(kind: str, bases: dict[str, Path]) -> None:
    settings = Model.model_validate({"base": str(bases[kind]), "adapter": {"rank": 4, "alpha": 8.0}})
    found = Models().get(bases[kind], config_of(settings), torch.float32, torch.device("cpu"))
    found.load(initial_weights(found, 17))
    found.module.train()
    every_row = ExampleNoise(probability=1.0, batch=len(ROWS), steps=1, bound=1.0, multiplier=ALMOST_NONE)
    (without,) = estimated(found, ROWS, every_row)
    for module in found.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
        if isinstance(getattr(module, "attention_dropout", None), float):
            vars(module)["attention_dropout"] = 0.5
    (with_dropout,) = estimated(found, ROWS, every_row)
    assert torch.equal(with_dropout, without)


def test_millions_of_rows_train_with_the_noise_of_the_formula(model: AdaptedModel) -> None:
    """As many as a participant may have, and less noise than most budgets need: their sum must stay exact."""
    rows: list[list[Example]] = [[]] * MAX_SAMPLES
    settings = ExampleNoise(probability=1e-6, batch=20, steps=1, bound=1.0, multiplier=0.3)
    (found,) = estimated(model, rows, settings)
    assert found.std().item() == pytest.approx(0.3 / 20, rel=0.05)


def test_steps_without_rows_are_independent_noise_of_the_deviation_of_the_formula_within_one_percent(
    model: AdaptedModel,
) -> None:
    """z C / batch, measured in more than 200,000 values, whose deviation is within 0.6% at 4 standard errors. The sum
    of all steps has sqrt(steps) times as much only if no step repeats the noise of another."""
    settings = ExampleNoise(probability=1e-9, batch=2, steps=STEPS_OF_NOISE, bound=0.5, multiplier=3.0)
    found = torch.stack(list(estimated(model, ROWS, settings)))
    std = 3.0 * 0.5 / 2
    assert found.numel() > 200_000
    assert found.std().item() == pytest.approx(std, rel=0.01)
    assert found.sum(0).std().item() == pytest.approx(std * STEPS_OF_NOISE**0.5, rel=0.06), "4 standard errors"
    following = (found[1:] * found[:-1]).mean().item()
    assert abs(following) < 4 * std**2 / (found.numel() - len(found[0])) ** 0.5


def test_rows_are_sampled_in_each_step_independently_with_the_probability_of_the_task(
    model: AdaptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limits are 4 standard errors; a probability that is 3% too large is outside."""
    steps, count, probability = 200, 1000, 0.25
    sampled: list[list[int]] = []

    def noted(rows: Rows, rank: int, world: int, size: int | None) -> list[Rows]:
        sampled.append([row[0].ids[0] for row in rows])
        return []

    monkeypatch.setattr(private, "row_batches", noted)
    rows = [[Example([number], [0])] for number in range(count)]
    settings = ExampleNoise(probability=probability, batch=250, steps=steps, bound=1.0, multiplier=1.0)
    assert len(list(estimated(model, rows, settings))) == len(sampled) == steps
    present = np.zeros((steps, count))
    for step, numbers in enumerate(sampled):
        assert len(set(numbers)) == len(numbers)
        present[step, numbers] = 1
    variance = probability * (1 - probability)
    assert abs(present.mean() - probability) < 4 * (variance / present.size) ** 0.5
    assert np.abs(present.mean(axis=0) - probability).max() < 4 * (variance / steps) ** 0.5
    assert present.sum(axis=0).var() == pytest.approx(steps * variance, rel=0.18), "a row in one step is in others"
    assert present.sum(axis=1).var() == pytest.approx(count * variance, rel=0.4), "rows are sampled together"


def test_the_noise_covers_the_rounding_of_two_neighbouring_sums(
    model: AdaptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value of each sum moves by up to half a step, so their difference by up to sqrt(values) steps more."""
    stds: list[tuple[float, int]] = []

    def noted(stream: NoiseStream, std: float, count: int) -> Any:
        stds.append((std, count))
        return np.zeros(count)

    monkeypatch.setattr(private, "rounded_noise", noted)
    next(estimated(model, ROWS, ExampleNoise(**example_noise(bound=0.5, multiplier=3.0))))
    ((std, count),) = stds
    assert std == pytest.approx(3.0 * (0.5 / granularity(3.0, 0.5) + count**0.5), rel=1e-12)


def test_the_noise_has_the_deviation_of_the_formula_within_one_percent() -> None:
    found = np.concatenate([rounded_noise(NoiseStream(SEED, f"step {step}"), 2.0**30, 70_000) for step in range(5)])
    assert found.std() / 2**30 == pytest.approx(1.0, abs=0.01)
    assert abs(found.mean()) / 2**30 < 0.01
    whole = np.rint(NoiseStream(SEED, "step 0").samples(0, 70_000) * 2.0**30)
    assert np.array_equal(found[:70_000], whole), "no block repeats the noise of another"


def test_the_same_seed_gives_the_same_gradients_and_another_does_not(model: AdaptedModel) -> None:
    settings = ExampleNoise(probability=0.5, batch=5, steps=2, bound=1.0, multiplier=1.0)
    first, second = (list(estimated(model, ROWS, settings)) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], next(estimated(model, ROWS, settings, seed=bytes(32))))


def test_rows_are_sampled_independently_with_the_probability() -> None:
    sampler = PoissonSampler(SEED, 0.05, 2000)
    sizes = np.array([len(sampler.sample(step)) for step in range(400)])
    assert sizes.mean() == pytest.approx(100, rel=0.02)
    assert sizes.var() == pytest.approx(95, rel=0.25)  # n p (1 - p)
    uses = np.bincount(np.concatenate([sampler.sample(step) for step in range(400)]), minlength=2000)
    assert uses.var() == pytest.approx(19, rel=0.25)
    steps = np.zeros((9, 2000))
    for step, row in enumerate(steps):
        row[sampler.sample(step)] = 1
    spectra = np.fft.rfft(steps - 0.05)
    for step in range(1, 9):  # the choices of a step, shifted by any number of rows, are not those of another
        shifted = np.fft.irfft(spectra[0].conj() * spectra[step])
        assert np.abs(shifted).max() < 6 * 2000**0.5 * 0.05 * 0.95
    assert np.array_equal(sampler.sample(7), PoissonSampler(SEED, 0.05, 2000).sample(7))
    assert np.array_equal(PoissonSampler(SEED, 1.0, 5).sample(3), np.arange(5))


def test_a_row_without_a_finite_gradient_contributes_nothing(model: AdaptedModel) -> None:
    gradients = {"a": torch.tensor([[3.0, 4.0], [float("nan"), 1.0], [float("inf"), 0.0]])}
    total = {"a": torch.zeros(2)}
    private.add_clipped(gradients, 1.0, total)
    assert total["a"].tolist() == pytest.approx([0.6, 0.8], rel=1e-4)


@pytest.mark.parametrize("kind", ["equal", "random"])
def test_a_clipped_gradient_of_many_values_has_the_norm_of_the_bound_within_rounding(kind: str) -> None:
    """Float32 sums of this many squares are off by more than the margin, to either side."""
    count = 3_670_016
    gradient = torch.full((1, count), 0.1) if kind == "equal" else torch.randn(1, count, generator=seeded(0))
    total = {"a": torch.zeros(count)}
    private.add_clipped({"a": gradient}, 1.0, total)
    assert 1 - 2 * MARGIN < torch.linalg.vector_norm(total["a"].double()).item() <= 1
    below = gradient * ((1 - 2 * MARGIN) / torch.linalg.vector_norm(gradient.double()).item())
    total = {"a": torch.zeros(count)}
    private.add_clipped({"a": below}, 1.0, total)
    assert torch.equal(total["a"], below[0]), "not longer than the bound, so not clipped"


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_micro_batches_keep_rows_whole() -> None:
    batches = [batch for rank in range(2) for batch in row_batches(ROWS, rank, 2, 3)]
    assert sum(len(batch) for batch in batches) == sum(1 for row in ROWS if row)
    assert max(sum(map(len, batch)) for batch in batches) <= 3


def test_refuse_gradients_that_are_not_those_of_the_rows(model: AdaptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    right = PerSampleGradients.of

    def mixed_up(self: PerSampleGradients, loss: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: one.roll(1, 0) for name, one in right(self, loss).items()}

    monkeypatch.setattr(self_test.PerSampleGradients, "of", mixed_up)
    settings = ExampleNoise(probability=1.0, batch=10, steps=1, bound=1.0, multiplier=1.0)
    with pytest.raises(Refused, match="are not those of the rows alone"):
        next(estimated(model, ROWS, settings))


def test_the_check_of_gradients_sees_no_row_of_the_participant(
    model: AdaptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its refusal would reveal a row whose gradient is not finite."""
    seen: list[Rows] = []

    def noted(rows: Rows, device: torch.device) -> RowBatch:
        seen.append(rows)
        return row_batch(rows, device)

    monkeypatch.setattr(self_test, "row_batch", noted)
    settings = ExampleNoise(probability=1.0, batch=10, steps=1, bound=1.0, multiplier=1.0)
    for rows in (ROWS, ROWS[::-1]):
        next(estimated(model, rows, settings))
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert not [row for rows in seen for row in rows if row in ROWS]


def test_running_out_of_memory_says_nothing_about_the_sampled_rows(
    model: AdaptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*arguments: object) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 7.13 GiB")

    monkeypatch.setattr(private.PrivateGradient, "_accumulate", too_much)
    reasons: set[str] = set()
    for size in (None, 1, 8):
        with pytest.raises(Retry) as error:
            next(estimated(model, ROWS, ExampleNoise(**example_noise()), size))
        reasons.add(str(error.value))
    assert reasons == {"out of memory; lower `data.maxLength`, or use a smaller base model or a larger GPU"}


def test_the_model_is_left_without_hooks(model: AdaptedModel) -> None:
    weights = {name: one.data.clone() for name, one in model.parameters.items()}
    settings = ExampleNoise(probability=0.5, batch=5, steps=1, bound=1.0, multiplier=1.0)
    next(estimated(model, ROWS, settings))
    assert all(torch.equal(one.data, weights[name]) for name, one in model.parameters.items())
    assert not any(module._forward_hooks or module._backward_hooks for module in model.module.modules())
    assert not any(hasattr(one, "grad_sample") for one in model.module.parameters())
