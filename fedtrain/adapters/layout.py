"""The layout of a safetensors file. Equal tensors have equal layouts.

It is that of the `safetensors` package (largest elements first, then by name; header padded with spaces to 8 bytes),
with PEFT's metadata `{"format": "pt"}`, so that all tools that read adapters can read the files.
"""

import json
import math
from collections.abc import Mapping

from fedtrain.adapters.header import LENGTH_BYTES, METADATA, SIZES, TensorEntry

_ALIGN = 8


def lay_out(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> tuple[bytes, dict[str, TensorEntry]]:
    """Return the bytes of the header, including its length, and the position of each tensor, in order."""
    order = sorted(tensors, key=lambda name: (-_RANK[tensors[name][0]], name))
    header: dict[str, object] = {METADATA: {"format": "pt"}}
    ends = [0]
    for name in order:
        dtype, shape = tensors[name]
        ends.append(ends[-1] + math.prod(shape) * SIZES[dtype])
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": ends[-2:]}
    content = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    content += b" " * (-len(content) % _ALIGN)
    begin = LENGTH_BYTES + len(content)
    entries = {
        name: TensorEntry(name, tensors[name][0], tensors[name][1], begin + start, end - start)
        for name, start, end in zip(order, ends, ends[1:], strict=False)
    }
    return len(content).to_bytes(LENGTH_BYTES, "little") + content, entries


_RANK = {dtype: rank for rank, dtype in enumerate(("BOOL", "U8", "F16", "I32", "F32", "F64", "I64"))}
"""Order in the file: the `safetensors` package's own order of dtypes, ascending."""


def size_of(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> int:
    """Return the bytes of a file with these tensors."""
    header, entries = lay_out(tensors)
    return max((entry.start + entry.length for entry in entries.values()), default=len(header))
