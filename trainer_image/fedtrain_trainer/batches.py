"""Which rows an optimizer step trains on, and how they are laid out in micro-batches."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from blake3 import blake3

from fedtrain_trainer.examples import Example

TOKENS = 2048
"""Tokens of a micro-batch where no number of rows is set, on CPU and for measuring: large enough to keep the cores
busy. Constant, because the order of a sum depends on it, and the same task must give the same bytes everywhere."""


@dataclass(frozen=True)
class Batch:
    """`ids`: int64[rows, longest], padded on the right with 0; causal attention never looks there. `sources`:
    int64[targets], positions in the flattened ids that predict; `targets`: int64[targets], what they should."""

    ids: torch.Tensor
    sources: torch.Tensor
    targets: torch.Tensor


def collate(examples: Sequence[Example], device: torch.device) -> Batch:
    longest = max(len(example.ids) for example in examples)
    ids = np.zeros((len(examples), longest), dtype=np.int64)
    sources: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = example.ids
        at = np.asarray(example.targets, dtype=np.int64)
        sources.append(row * longest + at - 1)
        targets.append(ids[row, at])
    moved = [torch.from_numpy(array).to(device) for array in (ids, np.concatenate(sources), np.concatenate(targets))]
    return Batch(*moved)


def order(rows: int, seed: int, cycle: int) -> np.ndarray:
    """The order of one cycle over a slice, int64[rows]: by keys from BLAKE3's extended output, so that it is the
    same under every version of every library."""
    message = f"fedtrain/steps/1 {seed} {cycle}".encode()
    keys = np.frombuffer(blake3(message).digest(length=8 * rows), dtype="<u8")
    return np.argsort(keys, kind="stable")


def steps(rows: int, batch_size: int, total: int, seed: int) -> Iterator[np.ndarray]:
    """The rows of each optimizer step: `total` rows of one cycle after another, `batch_size` at a time."""
    stream = itertools.islice(
        itertools.chain.from_iterable(order(rows, seed, cycle) for cycle in itertools.count()), total
    )
    while batch := list(itertools.islice(stream, batch_size)):
        yield np.asarray(batch)


def micro_batches(examples: Sequence[Example], rank: int, world: int, rows: int | None) -> list[list[Example]]:
    """This process's share of an effective batch, rows of like length together. `rows` at a time; None: as many as
    `TOKENS` hold, at least one."""
    share = sorted(examples, key=lambda example: -len(example.ids))[rank::world]
    found: list[list[Example]] = []
    start = 0
    while start < len(share):
        size = rows or max(1, TOKENS // len(share[start].ids))
        found.append(share[start : start + size])
        start += size
    return found
