"""One update on its way in: its file is read once, front to back, and checked as it goes."""

import mmap

import numpy as np
from numpy.typing import NDArray

from fedtrain.contracts.digests import hasher, written
from fedtrain.contracts.records import Closed, Update
from fedtrain.ledger.store import ObjectReader
from fedtrain_aggregator.norms import SquareSum
from fedtrain_aggregator.trained import FLOAT, Trained


class Incoming:
    """An open update whose header was found to fit. `read` goes through its values once, in order; then `flaw` and
    `norm` say what they were. Nothing of it may leave this process before `flaw` has said None."""

    def __init__(self, closed: Closed, record: Update, reader: ObjectReader, expected: Trained) -> None:
        self.closed = closed
        self.record = record
        self._reader = reader
        self._data = reader.size - expected.count * FLOAT
        self._expected = expected
        self._read = 0
        self._squares = SquareSum()
        self._not_finite: str | None = None
        self._hasher = hasher()
        self._hasher.update(reader.read(0, self._data))

    def read(self, into: NDArray[np.float64], scratch: NDArray[np.float64]) -> None:
        """The next len(into) values; `scratch`, as long, is overwritten. Raises StoreError."""
        offset, length = self._data + self._read * FLOAT, len(into) * FLOAT
        block = self._reader.read(offset, length)
        self._hasher.update(block)
        values = np.frombuffer(block, np.float32)
        np.copyto(into, values)
        del values
        _leave(block, offset)
        if not self._squares.add(into, scratch):
            first = int(np.flatnonzero(~np.isfinite(into))[0])
            self._not_finite = f"tensor {self._expected.name_at(self._read + first)} holds {into[first]}"
        self._read += len(into)

    @property
    def norm(self) -> float:
        """L2 over all tensors."""
        return self._squares.norm

    @property
    def flaw(self) -> str | None:
        """What is wrong with the bytes, in words; None if nothing is."""
        found = written(self._hasher)
        if found != self.closed.digest:
            return f"its file has digest {found} instead of {self.closed.digest}"
        return self._not_finite


def _leave(block: bytes | memoryview, offset: int) -> None:
    """Gives the pages of a block back that were read through a memory map of the whole file. Else the pages of all
    updates add up, and count as this process's memory."""
    if isinstance(block, memoryview) and isinstance(block.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        start = offset // mmap.PAGESIZE * mmap.PAGESIZE
        end = (offset + len(block)) // mmap.PAGESIZE * mmap.PAGESIZE
        if end > start:  # the last page is read again as the first one of the next block
            block.obj.madvise(mmap.MADV_DONTNEED, start, end - start)
