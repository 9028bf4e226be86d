"""Micro-batches of whole rows, and the loss of each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from fedtrain_trainer.batches import TOKENS, Batch, collate
from fedtrain_trainer.examples import Example
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.precision import computing


@dataclass(frozen=True)
class RowBatch:
    """`batch`: the examples of `rows` rows. `owners`: int64[examples], the row of each example. `weights`:
    fp32[targets], 1 / number of answer tokens of the row, so that a row's loss is the mean over its answer."""

    batch: Batch
    rows: int
    owners: torch.Tensor
    weights: torch.Tensor

    @property
    def one_each(self) -> bool:
        """Whether each row has exactly one example."""
        return len(self.owners) == self.rows


def row_batches(
    rows: Sequence[Sequence[Example]], rank: int, world: int, size: int | None
) -> list[Sequence[Sequence[Example]]]:
    """Return this process's share of rows with examples, rows of like length together: at most `size` examples at a
    time, or as many as `TOKENS` hold, but at least one row."""
    share = sorted((row for row in rows if row), key=_longest, reverse=True)[rank::world]
    found: list[list[Sequence[Example]]] = []
    count = most = 0
    for row in share:
        if not found or count + len(row) > most:
            found.append([])
            count, most = 0, size or max(1, TOKENS // _longest(row))
        found[-1].append(row)
        count += len(row)
    return [list(batch) for batch in found]


def row_batch(rows: Sequence[Sequence[Example]], device: torch.device) -> RowBatch:
    """Lay out rows that each have examples."""
    owners: list[int] = []
    weights: list[float] = []
    for number, row in enumerate(rows):
        tokens = sum(len(example.targets) for example in row)
        owners.extend([number] * len(row))
        weights.extend([1 / tokens] * tokens)
    return RowBatch(
        batch=collate([example for row in rows for example in row], device),
        rows=len(rows),
        owners=torch.tensor(owners, device=device),
        weights=torch.tensor(weights, device=device),
    )


def row_losses(model: AdaptedModel, rows: RowBatch, dtype: torch.dtype) -> torch.Tensor:
    """Return the sum of the rows' losses, a scalar in fp32."""
    with computing(dtype, model.device):
        logits = model.logits(rows.batch.ids, rows.batch.sources)
    losses = cross_entropy(logits.float(), rows.batch.targets, reduction="none")
    return torch.dot(losses, rows.weights)


def _longest(row: Sequence[Example]) -> int:
    return max(len(example.ids) for example in row)
