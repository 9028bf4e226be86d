"""The gradient of the loss: the mean over all answer tokens of the effective batch."""

import math
from collections.abc import Iterator, Sequence

import torch

from fedtrain_trainer.batches import collate, micro_batches, steps
from fedtrain_trainer.examples import Example
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.gradients.estimator import Estimate, Rows
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.loss import answer_loss
from fedtrain_trainer.memory import halved, probed


class PlainGradient:
    """Passes over the rows of the round in a new order each cycle."""

    def __init__(
        self,
        model: AdaptedModel,
        flat: FlatWeights,
        rows: Rows,
        round: Round,
        group: Group,
        scaler: torch.amp.GradScaler,
    ) -> None:
        self._model, self._flat, self._round, self._group, self._scaler = model, flat, round, group, scaler
        self._examples = [example for row in rows for example in row]
        self._total = round.training.trained(len(self._examples))
        self._micro_batch = round.fit.rows
        if model.device.type == "cuda":
            self._micro_batch = self._probed()

    @property
    def count(self) -> int:
        return math.ceil(self._total / self._round.training.batch_size)

    @property
    def micro_batch(self) -> int | None:
        return self._micro_batch

    def estimates(self) -> Iterator[Estimate]:
        size, seed = self._round.training.batch_size, self._round.work.seed
        for step, indices in enumerate(steps(len(self._examples), size, self._total, seed), start=1):
            batch = [self._examples[index] for index in indices]
            tokens = sum(len(example.targets) for example in batch)
            while True:
                try:
                    self._accumulate(batch, tokens, step)
                    break
                except torch.OutOfMemoryError:
                    self._micro_batch = halved(self._micro_batch)
            yield Estimate(self._flat.reduce(self._group).item(), tokens)

    def _accumulate(self, batch: Sequence[Example], tokens: int, step: int) -> None:
        """Gradient and loss of this process's share, divided by the answer tokens of the whole effective batch, so that
        neither the size of micro-batches nor the number of processes changes the result."""
        self._flat.clear()
        dropout_seed(self._round, step, self._group)
        for micro in micro_batches(batch, self._group.rank, self._group.world, self._micro_batch):
            loss = answer_loss(self._model, collate(micro, self._model.device), self._round.dtype) / tokens
            self._scaler.scale(loss).backward()
            self._flat.add_loss(loss)

    def _probed(self) -> int | None:
        """Return the rows of a micro-batch that fit, found by trying with the longest ones."""
        by_length = sorted(self._examples, key=lambda example: -len(example.ids))

        def step(rows: int) -> None:
            answer_loss(self._model, collate(by_length[:rows], self._model.device), self._round.dtype).backward()

        rows = probed(self._round.fit, step).rows
        self._flat.clear()
        torch.cuda.empty_cache()
        return rows


def dropout_seed(round: Round, step: int, group: Group) -> None:
    """Seed dropout for this step and process."""
    torch.manual_seed(((round.work.seed * 1_000_003 + step) * 65_537 + group.rank) % 2**63)
