"""Read tensors of a safetensors file, whole or in blocks, with range reads."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import SIZES, TensorEntry, read_header
from fedtrain.contracts.digests import Source

NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
"""numpy dtype by safetensors name. numpy does not support BF16."""


class TensorFile:
    """A safetensors file with only its header in memory. `where` names it in errors. Raises AdapterFileError if the
    header is invalid. The caller closes the source."""

    def __init__(self, source: Source, where: str) -> None:
        self.where = where
        self.entries: Mapping[str, TensorEntry] = read_header(source, where)
        self._source = source

    def read(self, name: str) -> NDArray[np.generic]:
        """Return one tensor, read-only; a view if the source returns views. Raises AdapterFileError."""
        entry = self._entry(name)
        return self._array(entry, entry.start, entry.length).reshape(entry.shape)

    def blocks(self, name: str, elements: int) -> Iterator[NDArray[np.generic]]:
        """Yield one tensor, flattened, in blocks of `elements` elements; the last block may be shorter. Raises
        AdapterFileError."""
        entry = self._entry(name)
        step = elements * SIZES[entry.dtype]
        for offset in range(0, entry.length, step):
            yield self._array(entry, entry.start + offset, min(step, entry.length - offset))

    def _entry(self, name: str) -> TensorEntry:
        entry = self.entries.get(name)
        if entry is None:
            raise AdapterFileError(f"{self.where} has no tensor {name!r}.")
        if entry.dtype not in NUMPY:
            raise AdapterFileError(f"{self.where}: tensor {name!r} is {entry.dtype}; save it as F32.")
        return entry

    def _array(self, entry: TensorEntry, start: int, length: int) -> NDArray[np.generic]:
        return np.frombuffer(self._source.read(start, length), dtype=NUMPY[entry.dtype])
