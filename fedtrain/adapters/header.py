"""Read and validate the header of a safetensors file.

A file is 8 bytes (little-endian length of the header), the header (JSON: tensor -> dtype, shape, data_offsets), then
the tensors' bytes. Files of other parties may be hostile: the header's size is bounded before it is read, names must
be unique, and the tensors must cover the data exactly: no gap, no overlap, nothing beyond the end.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.contracts.digests import Source

MAX_HEADER = 16 * 1024 * 1024
"""Maximum size of a header in bytes. A tensor's entry takes about 200, so this is enough for 80,000 tensors."""

LENGTH_BYTES = 8
METADATA = "__metadata__"
SIZES = {
    **{"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2},
    **{"U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8},
}
"""Bytes per element, by the safetensors name of the dtype."""


@dataclass(frozen=True)
class TensorEntry:
    """Position of a tensor. `start`: offset in bytes from the beginning of the file. `length`: size in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


class HeaderFile:
    """A file on this machine as a source of `read_header`. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as content:
            content.seek(offset)
            return content.read(length)


def read_header(source: Source, where: str) -> Mapping[str, TensorEntry]:
    """Return the tensors of a safetensors file, sorted by name. `where` names the file in errors. Raises
    AdapterFileError."""
    return parse_header(header_bytes(source, where), source.size, where)


def header_bytes(source: Source, where: str) -> bytes:
    """Return the JSON of a file's header, unchecked. Raises AdapterFileError if its length cannot be right."""
    if source.size < LENGTH_BYTES:
        _refuse(where, f"it has {source.size} bytes, too few for a safetensors file")
    length = int.from_bytes(source.read(0, LENGTH_BYTES), "little")
    if LENGTH_BYTES + length > source.size:
        _refuse(
            where,
            f"its header claims {length} bytes, but the file has {source.size}. It is truncated, or not a "
            "safetensors file",
        )
    if length > MAX_HEADER:
        _refuse(where, f"its header has {length} bytes; at most {MAX_HEADER} are read")
    return bytes(source.read(LENGTH_BYTES, length))


def parse_header(header: bytes, size: int, where: str) -> Mapping[str, TensorEntry]:
    """Return the tensors of a file of `size` bytes with this header, sorted by name. Raises AdapterFileError."""
    begin = LENGTH_BYTES + len(header)
    plain = _parse(header, where)
    plain.pop(METADATA, None)
    entries = sorted((_entry(name, entry, begin, where) for name, entry in plain.items()), key=lambda e: e.name)
    _check_tiling(entries, begin, size, where)
    return {entry.name: entry for entry in entries}


def _parse(content: bytes, where: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen = [name for name, _ in pairs]
            _refuse(where, f"its header names {max(seen, key=seen.count)[:200]!r} more than once")
        return found

    try:
        plain: object = json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except AdapterFileError:
        raise
    except (ValueError, RecursionError) as error:
        _refuse(where, f"its header is not valid JSON ({error})")
    if not isinstance(plain, dict):
        _refuse(where, "its header is not a JSON object")
    return cast(dict[str, Any], plain)


def _entry(name: str, plain: object, begin: int, where: str) -> TensorEntry:
    about = f"tensor {name[:200]!r}"
    if not isinstance(plain, dict) or plain.keys() != {"dtype", "shape", "data_offsets"}:
        _refuse(where, f"{about} must have dtype, shape and data_offsets, and nothing else")
    fields = cast(dict[str, object], plain)
    dtype, shape, offsets = fields["dtype"], _counts(fields["shape"]), _counts(fields["data_offsets"])
    if not isinstance(dtype, str) or dtype not in SIZES:
        _refuse(where, f"{about} has the dtype {str(dtype)[:50]!r}, which is not one of {', '.join(SIZES)}")
    if shape is None or len(shape) > 8:
        _refuse(where, f"{about} has an invalid shape; it must be a list of at most 8 numbers")
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(where, f"{about} has invalid data_offsets; they must be two numbers in ascending order")
    length = offsets[1] - offsets[0]
    needed = math.prod(shape) * SIZES[dtype]
    if length != needed:
        _refuse(where, f"{about} has {length} bytes; {dtype} of shape {list(shape)} takes {needed}")
    return TensorEntry(name, dtype, shape, begin + offsets[0], length)


def _counts(plain: object) -> tuple[int, ...] | None:
    """Return a list of non-negative integers, or None. (`type`, not `isinstance`: True is an int in Python.)"""
    if not isinstance(plain, list):
        return None
    numbers = cast(list[object], plain)
    if any(type(number) is not int or not 0 <= number < 2**63 for number in numbers):
        return None
    return tuple(cast(list[int], numbers))


def _check_tiling(entries: list[TensorEntry], begin: int, size: int, where: str) -> None:
    end = begin
    for entry in sorted(entries, key=lambda e: (e.start, e.length)):
        if entry.start != end:
            kind = "overlaps the previous tensor" if entry.start < end else "leaves a gap before it"
            _refuse(where, f"tensor {entry.name[:200]!r} {kind}")
        end = entry.start + entry.length
    if end != size:
        kind = "truncated" if end > size else "damaged"
        _refuse(where, f"it is {kind}: its tensors end at byte {end}, the file at byte {size}")


def _refuse(where: str, problem: str) -> NoReturn:
    raise AdapterFileError(f"{where} can't be read: {problem}.")
