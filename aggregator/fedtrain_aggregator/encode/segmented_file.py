"""Segments of a file, read and written as one flat array."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.layout import FLOAT32_BYTES, Segment


class SegmentedFile:
    """float32 values of a file, changed in place, block by block. Several threads may use it for different values. It
    reads and writes instead of mapping the file, because mapped pages count as the process's memory. Every method may
    raise OSError."""

    def __init__(self, path: Path, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def __enter__(self) -> "SegmentedFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def read(self, start: int, into: NDArray[np.float32]) -> None:
        """Fill `into` with the values from number `start` on."""
        for offset, part in self._parts(start, len(into)):
            view = into[part].data.cast("B")
            while view:
                done = os.preadv(self._file, [view], offset)
                if not done:
                    raise OSError(f"a working file of the aggregator ends before byte {offset}; is its disk full?")
                view, offset = view[done:], offset + done

    def write(self, start: int, values: NDArray[np.float32]) -> None:
        """Write `values` as values number `start` and up."""
        for offset, part in self._parts(start, len(values)):
            view = values[part].data.cast("B")
            while view:
                done = os.pwrite(self._file, view, offset)
                view, offset = view[done:], offset + done

    def _parts(self, start: int, count: int) -> Iterator[tuple[int, slice]]:
        """Yield (byte in the file, slice of the block) for each segment that overlaps `count` values from `start`."""
        for segment in self._segments:
            first, end = max(segment.start, start), min(segment.start + segment.count, start + count)
            if first < end:
                yield segment.offset + (first - segment.start) * FLOAT32_BYTES, slice(first - start, end - start)
