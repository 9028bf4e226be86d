"""The step stage on files: the strategy applied to the global adapter and the server's state, block by block."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.encode.segmented_file import SegmentedWriter, Values
from fedtrain_aggregator.engine.norm import Norm
from fedtrain_aggregator.kernels import CHUNK, square_sums
from fedtrain_aggregator.strategies.base import Strategy

_SLICE = 6 * CHUNK
"""Values stepped at a time: arrays of 96 KiB, small enough for a core's cache and for malloc to reuse."""


@dataclass(frozen=True)
class Tensor:
    """A tensor before and after the step."""

    before: Values
    after: SegmentedWriter


class ServerStep:
    """Steps `adapter` and `state`. Safe to call from several threads, for different blocks. `step` is t, 1 for the
    run's first committed round."""

    def __init__(self, strategy: Strategy, step: int, adapter: Tensor, state: Mapping[str, Tensor]) -> None:
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
        after = {name: np.empty_like(direction) for name in self._state}
        largest: list[float] = []
        for first in range(0, len(direction), _SLICE):
            at = slice(first, min(first + _SLICE, len(direction)))
            x = _read(self._adapter.before, start, at)
            state = {name: _read(tensor.before, start, at) for name, tensor in self._state.items()}
            following, made = self._strategy.step(x, direction[at], state, self._step)
            for name, values in made.items():
                after[name][at] = values
            direction[at] = following  # no longer needed, and a buffer for the next adapter
            largest += [float(following.max()), -float(following.min())]
        self._largest[start] = float(np.max(largest))
        self._adapter.after.write(start, direction)
        for name, tensor in self._state.items():
            tensor.after.write(start, after[name])

    def end(self) -> None:
        """Wait for the disk, after the last block. Raises OSError: the next adapter or state may be damaged then."""
        for tensor in (self._adapter, *self._state.values()):
            tensor.after.end()

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


def _read(values: Values, start: int, at: slice) -> NDArray[np.float32]:
    found = np.empty(at.stop - at.start, np.float32)
    values.read(start + at.start, found)
    return found
