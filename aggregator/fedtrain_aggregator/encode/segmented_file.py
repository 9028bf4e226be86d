"""Segments of a file, read or written as one flat array.

Files are read and written instead of mapped, because mapped pages count as the process's memory. Several threads may
use one file for different values. Every method may raise OSError.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.encode.early_flush import EarlyFlush
from fedtrain_aggregator.encode.whole_buffers import read_into, write_from
from fedtrain_aggregator.layout import FLOAT32_BYTES, Segment

_COPIED = 1024 * 1024


class Values(Protocol):
    """Flat float32 values that can be read by ranges."""

    def read(self, start: int, into: NDArray[np.float32]) -> None:
        """Fill `into` with the values from number `start` on."""
        ...


class Zeros:
    """Any number of zeros."""

    def read(self, start: int, into: NDArray[np.float32]) -> None:
        into.fill(0)


class _SegmentedFile:
    def __init__(self, path: Path, segments: Sequence[Segment], flags: int) -> None:
        self._segments = segments
        self._file = os.open(path, flags | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def _parts(self, start: int, count: int) -> Iterator[tuple[int, slice]]:
        """Yield (byte in the file, slice of the block) for each segment that overlaps `count` values from `start`."""
        for segment in self._segments:
            first, end = max(segment.start, start), min(segment.start + segment.count, start + count)
            if first < end:
                yield segment.offset + (first - segment.start) * FLOAT32_BYTES, slice(first - start, end - start)


class SegmentedReader(_SegmentedFile):
    """`Values` of a file."""

    def __init__(self, path: Path, segments: Sequence[Segment]) -> None:
        super().__init__(path, segments, os.O_RDONLY)

    def read(self, start: int, into: NDArray[np.float32]) -> None:
        for offset, part in self._parts(start, len(into)):
            read_into(self._file, into[part].data.cast("B"), offset, "a file of the previous round")


class SegmentedWriter(_SegmentedFile):
    """Values of a file that is written in any order. `flushed`: the file is flushed while it is written. Nothing may
    depend on it until `end` has returned."""

    def __init__(self, path: Path, segments: Sequence[Segment], flushed: bool) -> None:
        super().__init__(path, segments, os.O_WRONLY)
        size = sum(segment.count for segment in segments) * FLOAT32_BYTES
        self._early = EarlyFlush(self._file, size) if flushed else None

    def write(self, start: int, values: NDArray[np.float32]) -> None:
        """Write `values` as values number `start` and up."""
        for offset, part in self._parts(start, len(values)):
            write_from(self._file, values[part].data.cast("B"), offset)
        if self._early is not None:
            self._early.wrote(values.nbytes)

    def end(self) -> None:
        """Wait for the flushes; none begins after that."""
        if self._early is not None:
            self._early.end()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.end()
        finally:
            super().__exit__(kind, error, trace)


def copy_rest(source: Path, target: Path, segments: Sequence[Segment]) -> None:
    """Give the empty file `target` the size of `source`, and all its bytes outside `segments`."""
    size = source.stat().st_size
    taken = sorted((segment.offset, segment.offset + segment.count * FLOAT32_BYTES) for segment in segments)
    starts, ends = [0, *(end for _, end in taken)], [*(start for start, _ in taken), size]
    with source.open("rb") as reader, target.open("r+b") as writer:
        writer.truncate(size)
        for start, end in zip(starts, ends, strict=True):
            reader.seek(start)
            writer.seek(start)
            for at in range(start, end, _COPIED):
                writer.write(reader.read(min(_COPIED, end - at)))
