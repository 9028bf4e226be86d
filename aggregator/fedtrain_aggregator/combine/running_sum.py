"""The sum of one block of all updates, each with a factor."""

from collections.abc import Sequence

import numpy as np

from fedtrain_aggregator.kernels import add_rounded, add_scaled
from fedtrain_aggregator.kernels.portable import Float32, Float64


class RunningSum:
    """A Combination. `factors`: one per update. `rounded`: adds the nearest integers."""

    def __init__(self, factors: Sequence[float], block: int, *, rounded: bool = False) -> None:
        self._factors = factors
        self._add = add_rounded if rounded else add_scaled
        self._buffer = np.empty(block)
        self._sum = self._buffer

    def begin(self, count: int) -> None:
        self._sum = self._buffer[:count]
        self._sum.fill(0.0)

    def add(self, update: int, values: Float32) -> Float64:
        return self._add(self._sum, values, self._factors[update])

    def result(self) -> Float64:
        return self._sum
