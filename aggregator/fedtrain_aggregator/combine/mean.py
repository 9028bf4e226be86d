"""The weighted mean.

Summed in float64, in the order of the close, each value by itself: the same bits on all machines, for any number of
threads and any size of block. (BLAS rounds differently on different processors.)
"""

from collections.abc import Sequence

from fedtrain_aggregator.combine.running_sum import RunningSum


class Mean:
    """sum w_i u_i. `weights` sum to 1, in the order of the updates."""

    passes = 1

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = weights

    def combination(self, block: int, norms: Sequence[float]) -> RunningSum:
        return RunningSum(self._weights, block)
