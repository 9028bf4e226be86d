"""The pass over the bytes of all updates: block by block, the weighted mean in the order of the plan, and one step of
the strategy on it."""

from collections.abc import Mapping, Sequence

import numpy as np

from fedtrain_aggregator.incoming import Incoming
from fedtrain_aggregator.norms import SquareSum
from fedtrain_aggregator.pieces import Pieces
from fedtrain_aggregator.refused import Refused
from fedtrain_aggregator.strategies import Strategy

BLOCK = 256 * 4096
"""Values read at a time, 4 MiB of each file: few enough for a handful of float64 buffers of that many values to stay
small beside an adapter, many enough for one request to an object store. A multiple of norms.CHUNK."""


def check(updates: Sequence[Incoming], count: int, block: int = BLOCK) -> None:
    """Goes through all `count` values of each update, so that its flaw and norm are known. Raises StoreError."""
    values, scratch = np.empty(block), np.empty(block)
    with np.errstate(all="ignore"):
        for update in updates:
            for start in range(0, count, block):
                n = min(block, count - start)
                update.read(values[:n], scratch[:n])


def average(
    updates: Sequence[Incoming],
    weights: Sequence[float],
    count: int,
    strategy: Strategy,
    step: int,
    adapter: Pieces,
    state: Mapping[str, Pieces],
    block: int = BLOCK,
) -> float:
    """Goes through all `count` values of each update once, and makes `adapter` and `state` the next ones in place.
    Returns the L2 norm of the weighted mean. What it made is only as good as the updates: look at their flaws before
    any use of it. Raises StoreError, OSError.

    The mean is summed up in float64, in the order given, each value for itself, and rounded to float32 once: the same
    bits on any machine, with any number of threads and any size of block (BLAS would be faster, and rounds otherwise
    on another processor)."""
    values, scratch, mean = np.empty(block), np.empty(block), np.empty(block)
    x = np.empty(block, np.float32)
    before = {name: np.empty(block, np.float32) for name in state}
    squares = SquareSum()
    finite = True
    with np.errstate(all="ignore"):  # values may be anything until the updates are judged
        for start in range(0, count, block):
            n = min(block, count - start)
            mean[:n] = 0
            for update, weight in zip(updates, weights, strict=True):
                update.read(values[:n], scratch[:n])
                np.multiply(values[:n], weight, out=values[:n])
                np.add(mean[:n], values[:n], out=mean[:n])
            direction = mean[:n].astype(np.float32)
            np.copyto(values[:n], direction)
            squares.add(values[:n], scratch[:n])
            adapter.read(start, x[:n])
            for name, tensor in state.items():
                tensor.read(start, before[name][:n])
            blocks = {name: tensor[:n] for name, tensor in before.items()}
            following, after = strategy.step(x[:n], direction, blocks, step)
            finite = finite and bool(np.isfinite(following).all())
            adapter.write(start, following)
            for name, tensor in state.items():
                tensor.write(start, after[name])
    if not finite and all(update.flaw is None for update in updates):
        raise Refused(
            f"{strategy.name} makes a global adapter that is not finite of finite updates. Lower its learning rate at "
            "the server, or bound the updates with aggregation.maxUpdateNorm."
        )
    return squares.norm
