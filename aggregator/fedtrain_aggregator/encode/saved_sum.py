"""The sum of a round's updates, kept in a file until they have passed all checks."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.encode.whole_buffers import read_into, write_from
from fedtrain_aggregator.kernels import CHUNK

Float64 = NDArray[np.float64]

_BLOCK = 32 * CHUNK
"""Values read at a time: 1 MiB."""


@dataclass(frozen=True)
class SavedSum:
    """`count` float64 values in an open file. Several threads may write different values. Methods may raise OSError."""

    file: int
    count: int

    def write(self, start: int, values: Float64) -> None:
        """Write `values` as values number `start` and up."""
        write_from(self.file, values.data.cast("B"), start * values.itemsize)

    def each_block(self, threads: int, step: Callable[[int, Float64], None]) -> None:
        """Call `step` with (number of the first value, values) of each block, from `threads` threads. Blocks begin at
        multiples of kernels.CHUNK. `step` may change the values that it gets. Raises what it raises."""
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda start: self._block(start, step), range(0, self.count, _BLOCK)):
                pass

    def _block(self, start: int, step: Callable[[int, Float64], None]) -> None:
        values = np.empty(min(_BLOCK, self.count - start))
        read_into(self.file, values.data.cast("B"), start * values.itemsize, "the file of the sum")
        with np.errstate(all="ignore"):  # the step's results are checked
            step(start, values)


@contextmanager
def saved_sum(folder: Path, count: int) -> Iterator[SavedSum]:
    """A sum of `count` zeros, in a file without a name in `folder`: a process that is killed leaves no sum without
    noise. Raises OSError."""
    with TemporaryFile(dir=folder, buffering=0) as file:
        file.truncate(count * np.dtype(np.float64).itemsize)
        yield SavedSum(file.fileno(), count)
