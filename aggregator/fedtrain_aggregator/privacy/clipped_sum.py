"""The sum of clipped updates, in whole steps of the noise's granularity (`fedtrain.privacy.gaussian_noise`)."""

from collections.abc import Sequence

import numpy as np

from fedtrain.contracts.records import RoundPrivacy
from fedtrain.privacy.clipping import clip_factor
from fedtrain.privacy.gaussian_noise import granularity
from fedtrain_aggregator.combine.base import Float32, Float64
from fedtrain_aggregator.kernels import add_rounded


class ClippedSum:
    """sum of round(u_i min(1, C / ||u_i||) / g), for updates with these norms. All values are integers, so the sum is
    exact in any order, where `gaussian_noise.check_range` allows it."""

    passes = 1

    def __init__(self, privacy: RoundPrivacy, norms: Sequence[float]) -> None:
        step = granularity(privacy.update_multiplier, privacy.bound)
        self._scales = [clip_factor(norm, privacy.bound) / step for norm in norms]

    def combination(self, block: int, norms: Sequence[float]) -> "IntegerSum":
        return IntegerSum(self._scales, block)


class IntegerSum:
    """A running sum of one block."""

    def __init__(self, scales: Sequence[float], block: int) -> None:
        self._scales = scales
        self._buffer = np.empty(block)
        self._sum = self._buffer

    def begin(self, count: int) -> None:
        self._sum = self._buffer[:count]
        self._sum.fill(0.0)

    def add(self, update: int, values: Float32) -> Float64:
        return add_rounded(self._sum, values, self._scales[update])

    def result(self) -> Float64:
        return self._sum
