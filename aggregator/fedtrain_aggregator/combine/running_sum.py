"""The sum of one block of all updates, each with a factor."""

from collections.abc import Sequence

import numpy as np

from fedtrain_aggregator.kernels import add_checked, add_scaled
from fedtrain_aggregator.kernels.portable import Checks, Float32, Float64, Keys


class RunningSum:
    """A Combination. `factors`: one per update. `rounded`: adds the nearest integers, in a second pass only."""

    def __init__(self, factors: Sequence[float], block: int, *, rounded: bool = False) -> None:
        self._factors = factors
        self._rounded = rounded
        self._buffer = np.empty(block)
        self._sum = self._buffer

    def begin(self, count: int) -> None:
        self._sum = self._buffer[:count]
        self._sum.fill(0.0)

    def add(self, update: int, values: Float32) -> Float64:
        assert not self._rounded
        return add_scaled(self._sum, values, self._factors[update])

    def add_checked(self, first: int, updates: Sequence[Float32], keys: Keys) -> Sequence[Checks]:
        factors = self._factors[first : first + len(updates)]
        return add_checked(self._sum, updates, factors, keys, rounded=self._rounded)

    def result(self) -> Float64:
        return self._sum
