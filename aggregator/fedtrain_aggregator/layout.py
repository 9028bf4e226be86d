"""Which tensors an update holds, and where the global adapter's file keeps their values."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from fedtrain.adapters.header import TensorEntry
from fedtrain_aggregator.errors import Refused
from fedtrain_aggregator.merge import Merge

FLOAT32_BYTES = 4

HEADER_ROOM = 64 * 1024
"""Bytes that an update's header may take, plus 1 KiB for each tensor."""


@dataclass(frozen=True)
class Segment:
    """`count` float32 values, from value `start` of the flat update on, at byte `offset` of a file."""

    start: int
    count: int
    offset: int


@dataclass(frozen=True)
class Layout:
    """The flat update: `tensors` (name to shape) in the order of their names, `count` values in total, and the
    `segments` of the global adapter's file that hold the same values."""

    tensors: Mapping[str, tuple[int, ...]]
    count: int
    segments: tuple[Segment, ...]

    @property
    def largest_file(self) -> int:
        """Bytes of the largest update file that is read."""
        return self.count * FLOAT32_BYTES + HEADER_ROOM + 1024 * len(self.tensors)

    def name_at(self, value: int) -> str:
        """Return the tensor that holds value number `value` of the flat update."""
        for name, shape in self.tensors.items():
            if value < prod(shape):
                return name
            value -= prod(shape)
        raise IndexError(f"An update has {self.count} values.")


def layout_of(adapter: Mapping[str, TensorEntry], merge: Merge) -> Layout:
    """Return the layout of updates to a global adapter with these tensors, sorted by name. Raises Refused if `merge`
    trains none of them, or one is not float32."""
    chosen = [entry for name, entry in adapter.items() if merge.trains(name)]
    if not any(entry.elements for entry in chosen):
        raise Refused(f"The global adapter has no {merge.trained}.")
    segments: list[Segment] = []
    start = 0
    for entry in chosen:
        if entry.dtype != "F32":
            raise Refused(f"The global adapter's {entry.name} is {entry.dtype}. Save adapters in F32.")
        _append(segments, Segment(start, entry.elements, entry.start))
        start += entry.elements
    return Layout({entry.name: entry.shape for entry in chosen}, start, tuple(segments))


def _append(segments: list[Segment], segment: Segment) -> None:
    """Append `segment`, or extend the last one if it is adjacent."""
    if segments and segments[-1].offset + segments[-1].count * FLOAT32_BYTES == segment.offset:
        last = segments.pop()
        segment = Segment(last.start, last.count + segment.count, last.offset)
    segments.append(segment)
