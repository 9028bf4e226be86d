"""The step stage on files: the strategy applied block by block to the global adapter and the server's state."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.encode.segmented_file import SegmentedFile
from fedtrain_aggregator.engine.norm import Norm
from fedtrain_aggregator.kernels import square_sums
from fedtrain_aggregator.strategies.base import Strategy


class ServerStep:
    """Changes `adapter` and `state` in place. Safe to call from several threads, for different blocks. `step` is t, 1
    for the run's first committed round."""

    def __init__(
        self, strategy: Strategy, step: int, adapter: SegmentedFile, state: Mapping[str, SegmentedFile]
    ) -> None:
        self._strategy = strategy
        self._step = step
        self._adapter = adapter
        self._state = state
        self._square_sums: dict[int, NDArray[np.float64]] = {}
        self._largest: dict[int, float] = {}

    def __call__(self, start: int, combined: NDArray[np.float64]) -> None:
        """Step the values from number `start` on by the float64 values `combined`, rounded to float32. Raises
        OSError."""
        direction = combined.astype(np.float32)
        self._square_sums[start] = square_sums(direction)
        x = np.empty_like(direction)
        self._adapter.read(start, x)
        state = {name: np.empty_like(direction) for name in self._state}
        for name, tensor in self._state.items():
            tensor.read(start, state[name])
        following, after = self._strategy.step(x, direction, state, self._step)
        self._largest[start] = float(np.abs(following).max())
        self._adapter.write(start, following)
        for name, tensor in self._state.items():
            tensor.write(start, after[name])

    @property
    def largest(self) -> float:
        """The largest magnitude in the next adapter; NaN if there is a NaN."""
        return float(np.max(list(self._largest.values())))

    @property
    def update_norm(self) -> float:
        """L2 norm of the combined update."""
        norm = Norm()
        for start in sorted(self._square_sums):
            norm.add(self._square_sums[start])
        return norm.value
