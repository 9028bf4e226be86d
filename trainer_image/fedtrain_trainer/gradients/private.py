"""DP-SGD: rows sampled independently, the gradient of each row clipped, and Gaussian noise on their sum (Abadi et al.
2016). The step's gradient is that sum divided by the *expected* number of rows: the real one is private.

What is secret (which rows are sampled, the noise) comes from one seed, which never leaves the participant.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.privacy.gaussian_noise import NoiseStream, granularity, std_in_steps
from fedtrain.privacy.poisson_sampling import PoissonSampler
from fedtrain_trainer.examples import Example
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.gradients.clipped import add_clipped, by_row
from fedtrain_trainer.gradients.estimator import Estimate, Rows
from fedtrain_trainer.gradients.per_sample import PerSampleGradients
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.gradients.row_batches import row_batch, row_batches, row_losses
from fedtrain_trainer.gradients.self_test import check_per_sample_gradients
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.memory import halved
from fedtrain_trainer.outcome import Refused, Retry

BLOCK = 2**16
"""Noise is drawn in blocks of this many values, in several threads."""

OUT_OF_MEMORY = "out of memory; lower `data.maxLength`, or use a smaller base model or a larger GPU"


class PrivateGradient:
    """`rows`: all training rows, also those without examples: they are sampled and contribute zeros."""

    def __init__(
        self, model: AdaptedModel, flat: FlatWeights, rows: Rows, round: Round, noise: ExampleNoise, group: Group
    ) -> None:
        if round.dtype == torch.float16:
            raise Refused(
                "training.precision FP16 scales losses, which privacy.unit: Example cannot; use `BF16` or `FP32`"
            )
        if model.config.lora_dropout > 0:
            raise Refused("privacy.unit: Example does not support model.adapter.dropout; remove it")
        assert round.noise_seed is not None
        self._model, self._flat, self._rows, self._round, self._group = model, flat, rows, round, group
        self._noise, self._seed = noise, round.noise_seed
        self._sampler = PoissonSampler(round.noise_seed, noise.probability, len(rows))
        self._micro_batch = round.fit.rows
        self._total = torch.zeros(flat.count, device=model.device)

    @property
    def count(self) -> int:
        return self._noise.steps

    @property
    def micro_batch(self) -> int | None:
        return self._micro_batch

    def estimates(self) -> Iterator[Estimate]:
        check_per_sample_gradients(self._model, self._flat, self._round.dtype)
        for step in range(self._noise.steps):
            batch = [self._rows[row] for row in self._sampler.sample(step)]
            while True:
                try:
                    self._accumulate(batch, step)
                    break
                except torch.OutOfMemoryError:
                    self._micro_batch = self._smaller()
            self._group.sum_(self._total)
            self._flat.clear()
            self._flat.gradient[: self._flat.count].copy_(self._noisy_mean(step))
            yield Estimate(None, None)

    def _smaller(self) -> int:
        """Return a smaller micro-batch. Raises Retry, with a reason that says nothing about the sampled rows."""
        try:
            return halved(self._micro_batch)
        except Retry:
            raise Retry(OUT_OF_MEMORY) from None

    def _accumulate(self, batch: Sequence[Sequence[Example]], step: int) -> None:
        """Sum the clipped gradients of this process's share of the rows. Micro-batches only bound the memory."""
        self._total.zero_()
        total = self._flat.views(self._total)
        with PerSampleGradients(self._model) as per_sample:
            for micro in row_batches(batch, self._group.rank, self._group.world, self._micro_batch):
                rows = row_batch(micro, self._model.device)
                gradients = per_sample.of(row_losses(self._model, rows, self._round.dtype))
                add_clipped(by_row(gradients, rows), self._noise.bound, total)

    def _noisy_mean(self, step: int) -> torch.Tensor:
        """Return the sum of all processes with noise, divided by the expected number of rows. All processes draw the
        same noise, so it is in the gradient once.

        The sum is rounded to a granularity at which that of all rows is exact, and so is the noise (see
        `gaussian_noise`). Rounding changes each value by up to half a step in each of two neighbouring sums, which the
        noise includes."""
        multiplier, bound, values, rows = self._noise.multiplier, self._noise.bound, len(self._total), len(self._rows)
        grain, std = granularity(multiplier, bound, rows), std_in_steps(multiplier, bound, 4 * values, rows)
        total = self._total.to("cpu", torch.float64).numpy() / grain
        np.rint(total, out=total)
        total += rounded_noise(NoiseStream(self._seed, f"step {step}"), std, values)
        total *= grain / self._noise.batch
        return torch.from_numpy(total).to(self._model.device, torch.float32)


def rounded_noise(stream: NoiseStream, std: float, count: int) -> NDArray[np.float64]:
    """Return Gaussian noise of standard deviation `std`, rounded to integers, float64[count]."""
    found = np.empty(count)

    def draw(start: int) -> None:
        block = stream.samples(start, min(BLOCK, count - start))
        np.rint(block * std, out=found[start : start + len(block)])

    starts = range(0, count, BLOCK)
    with ThreadPoolExecutor(min(len(starts), max(1, torch.get_num_threads()))) as threads:
        list(threads.map(draw, starts))
    assert math.isfinite(float(found[0])) if count else True
    return found
