"""Values that lie in pieces of a file, read and written as if they were one flat array."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.trained import FLOAT, Piece


class Pieces:
    """float32 values of a file, changed in place, block by block. Through plain reads and writes, not a memory map:
    the pages of a map count as the process's memory. Every method may raise OSError."""

    def __init__(self, path: Path, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def __enter__(self) -> "Pieces":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def read(self, start: int, into: NDArray[np.float32]) -> None:
        """Fills `into` with values from number `start` on."""
        for offset, part in self._parts(start, len(into)):
            view = into[part].data.cast("B")
            while view:
                done = os.preadv(self._file, [view], offset)
                if not done:
                    raise OSError(f"a working file of the aggregator ends before byte {offset}; is its disk full?")
                view, offset = view[done:], offset + done

    def write(self, start: int, values: NDArray[np.float32]) -> None:
        """Writes `values` as values number `start` and up."""
        for offset, part in self._parts(start, len(values)):
            view = values[part].data.cast("B")
            while view:
                done = os.pwrite(self._file, view, offset)
                view, offset = view[done:], offset + done

    def _parts(self, start: int, count: int) -> Iterator[tuple[int, slice]]:
        """(byte in the file, where in a block of values `start` to `start + count`) of each piece that is in it."""
        for piece in self._pieces:
            first, end = max(piece.start, start), min(piece.start + piece.count, start + count)
            if first < end:
                yield piece.offset + (first - piece.start) * FLOAT, slice(first - start, end - start)
