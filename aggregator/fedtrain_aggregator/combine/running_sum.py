"""The sum of one block of all updates, each with a factor."""

from collections.abc import Callable, Sequence

import numpy as np

from fedtrain_aggregator.kernels.portable import Float32, Float64, Keys, Sums

AddTo = Callable[[Float64, Float32, float, Keys], Sums]
"""Adds values with a factor to a sum in place, and returns the sums of the values (`kernels`)."""


class RunningSum:
    """A Combination. `factors`: one per update."""

    def __init__(self, add_to: AddTo, factors: Sequence[float], block: int) -> None:
        self._add_to = add_to
        self._factors = factors
        self._buffer = np.empty(block)
        self._sum = self._buffer

    def begin(self, count: int) -> None:
        self._sum = self._buffer[:count]
        self._sum.fill(0.0)

    def add(self, update: int, values: Float32, keys: Keys) -> Sums:
        return self._add_to(self._sum, values, self._factors[update], keys)

    def result(self) -> Float64:
        return self._sum
