"""What a round trains: the tensors of an update, and where the global adapter's file keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from fedtrain.adapters.header import TensorEntry
from fedtrain_aggregator.refused import Refused

FLOAT = 4
"""Bytes of a float32."""

HEADER_ROOM = 64 * 1024
"""Bytes that an update's header may take, and 1 KiB more for each tensor."""


@dataclass(frozen=True)
class Piece:
    """`count` float32 values, from value `start` of the flat update on, at byte `offset` of a file."""

    start: int
    count: int
    offset: int


@dataclass(frozen=True)
class Trained:
    """`tensors`: name to shape, in the order of an update's file, which is that of their names. `count`: how many
    values they have. `pieces`: where the global adapter's file keeps them."""

    tensors: Mapping[str, tuple[int, ...]]
    count: int
    pieces: tuple[Piece, ...]

    @property
    def largest_file(self) -> int:
        """Bytes of the largest file that is still looked into."""
        return self.count * FLOAT + HEADER_ROOM + 1024 * len(self.tensors)

    def name_at(self, value: int) -> str:
        """The tensor that holds value number `value` of the flat update."""
        for name, shape in self.tensors.items():
            if value < prod(shape):
                return name
            value -= prod(shape)
        raise IndexError(f"An update has {self.count} values.")


def trained(adapter: Mapping[str, TensorEntry], merge: Literal["Factors", "FreezeA"]) -> Trained:
    """What updates of a global adapter with these tensors, sorted by name, hold: all of them, or LoRA's B alone.
    Raises Refused if there is none, or one is not float32."""
    chosen = [entry for name, entry in adapter.items() if merge == "Factors" or ".lora_B." in name]
    if not any(entry.elements for entry in chosen):
        what = (
            "tensors" if merge == "Factors" else "lora_B tensors, which is all that aggregation.merge: FreezeA trains"
        )
        raise Refused(f"The global adapter has no {what}.")
    pieces: list[Piece] = []
    start = 0
    for entry in chosen:
        if entry.dtype != "F32":
            raise Refused(f"The global adapter's {entry.name} is {entry.dtype}, but adapters are kept in F32.")
        _append(pieces, Piece(start, entry.elements, entry.start))
        start += entry.elements
    return Trained({entry.name: entry.shape for entry in chosen}, start, tuple(pieces))


def objection(expected: Trained, found: Mapping[str, TensorEntry]) -> str | None:
    """Why a file of these tensors is no update, in words; None if it is one."""
    for name, shape in expected.tensors.items():
        if name not in found:
            return f"its file lacks tensor {name}"
        if found[name].dtype != "F32":
            return f"tensor {name} is {found[name].dtype} instead of F32"
        if found[name].shape != shape:
            return f"tensor {name} has shape {list(found[name].shape)} instead of {list(shape)}"
    for name in found:
        if name not in expected.tensors:
            return f"its file has a tensor {name[:200]!r}, which is not trained in this run"
    in_file = sorted(found.values(), key=lambda entry: (entry.start, entry.name))
    if [entry.name for entry in in_file] != list(expected.tensors):
        return "its tensors don't lie in the order of their names"
    return None


def _append(pieces: list[Piece], piece: Piece) -> None:
    """Appends `piece`, or makes the last one longer if it goes on there."""
    if pieces and pieces[-1].offset + pieces[-1].count * FLOAT == piece.offset:
        last = pieces.pop()
        piece = Piece(last.start, last.count + piece.count, last.offset)
    pieces.append(piece)
