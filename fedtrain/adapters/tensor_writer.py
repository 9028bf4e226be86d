"""Write safetensors files tensor by tensor. Equal tensors give equal bytes (`fedtrain.adapters.layout`)."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.layout import lay_out
from fedtrain.adapters.tensor_file import NUMPY


class TensorWriter:
    """Write `path` atomically: the file appears only if the `with` block ends without an exception.

    `tensors`: dtype (safetensors name) and shape of each tensor. Write them in the order of `order`, each in any number
    of pieces, so that only one piece is in memory.
    """

    def __init__(self, path: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        self.path = path
        header, self._entries = lay_out(tensors)
        self.order = tuple(self._entries)
        self._aside = path.with_name(f".{path.name}.{os.getpid()}")
        self._file = self._aside.open("wb")
        self._file.write(header)

    def write(self, name: str, piece: NDArray[np.generic]) -> None:
        """Write the next elements of tensor `name`, flattened in C order. Raises AdapterFileError if they are out of
        order or have another dtype."""
        entry = self._entries.get(name)
        at = self._file.tell()
        if entry is None or not entry.start <= at <= entry.start + entry.length - piece.nbytes:
            raise AdapterFileError(f"{self.path}: {piece.size} elements of {name!r} cannot be written at byte {at}.")
        if piece.dtype != np.dtype(NUMPY[entry.dtype]):
            raise AdapterFileError(f"{self.path}: {name!r} is declared as {entry.dtype}, but written as {piece.dtype}.")
        self._file.write(np.ascontiguousarray(piece).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            end = self._file.tell()
            self._file.close()
            if kind is None:
                self._publish(end)
        finally:
            self._aside.unlink(missing_ok=True)

    def _publish(self, end: int) -> None:
        missing = [entry.name for entry in self._entries.values() if entry.start + entry.length > end]
        if missing:
            raise AdapterFileError(f"{self.path}: {missing[0]!r} was not written completely.")
        self._aside.replace(self.path)


def write_tensors(path: Path, tensors: Mapping[str, NDArray[np.generic]]) -> None:
    """Write a safetensors file atomically. Raises AdapterFileError for an unsupported dtype."""
    declared = {name: (dtype_name(tensor, name), tensor.shape) for name, tensor in tensors.items()}
    with TensorWriter(path, declared) as writer:
        for name in writer.order:
            writer.write(name, tensors[name])


def dtype_name(tensor: NDArray[np.generic], name: str) -> str:
    """Return the safetensors name of a tensor's dtype."""
    for dtype, numpy_dtype in NUMPY.items():
        if tensor.dtype == np.dtype(numpy_dtype):
            return dtype
    raise AdapterFileError(f"Tensor {name!r} is {tensor.dtype}, which is not supported. Use one of {', '.join(NUMPY)}.")
