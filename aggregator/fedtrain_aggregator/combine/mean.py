"""The weighted mean.

Summed in float64, in the order of the close, each value by itself: the same bits on all machines, for any number of
threads and any size of block. (BLAS rounds differently on different processors.)
"""

from collections.abc import Sequence

import numpy as np

from fedtrain_aggregator.combine.base import Float32, Float64
from fedtrain_aggregator.kernels import add_scaled


class Mean:
    """sum w_i u_i. `weights` sum to 1, in the order of the updates."""

    passes = 1

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = weights

    def combination(self, block: int, norms: Sequence[float]) -> "WeightedSum":
        return WeightedSum(self._weights, block)


class WeightedSum:
    """A running sum of one block."""

    def __init__(self, weights: Sequence[float], block: int) -> None:
        self._weights = weights
        self._buffer = np.empty(block)
        self._sum = self._buffer

    def begin(self, count: int) -> None:
        self._sum = self._buffer[:count]
        self._sum.fill(0.0)

    def add(self, update: int, values: Float32) -> Float64:
        return add_scaled(self._sum, values, self._weights[update])

    def result(self) -> Float64:
        return self._sum
