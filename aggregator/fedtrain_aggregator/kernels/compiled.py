"""The kernels of kernels.c and noise.c. Importing this module raises ImportError if they were not compiled
from these files (hatch_build.py)."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.kernels.portable import CHUNK, Float32, Float64, Keys, Sums, check_keys


def _function(name: str, *arguments: Any) -> Callable[..., None]:
    """Return a function of the library. Its calls release the GIL."""
    found = getattr(_library, name)
    found.argtypes = arguments
    found.restype = None
    return found


_POINTER, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double
_SUMS = (_POINTER, _POINTER, _POINTER)
try:
    _library = ctypes.CDLL(str(Path(__file__).with_name("kernels.so")))
    _square_sums = _function("square_sums", _POINTER, _COUNT, *_SUMS)
    _add_scaled = _function("add_scaled", _POINTER, _POINTER, _COUNT, _NUMBER, *_SUMS)
    _add_rounded = _function("add_rounded", _POINTER, _POINTER, _COUNT, _NUMBER, *_SUMS)
    _add_noise = _function("add_noise", _POINTER, _POINTER, _COUNT, _NUMBER, _NUMBER)
except (OSError, AttributeError) as error:  # not compiled, or from other sources
    raise ImportError(str(error)) from error


def square_sums(values: Float32, keys: Keys = None) -> Sums:
    sums = _Sums(len(values), keys)
    _square_sums(_address(values, np.float32), len(values), *sums.addresses)
    return sums.made


def add_scaled(totals: Float64, values: Float32, factor: float, keys: Keys = None) -> Sums:
    return _added(_add_scaled, totals, values, factor, keys)


def add_rounded(totals: Float64, values: Float32, factor: float, keys: Keys = None) -> Sums:
    return _added(_add_rounded, totals, values, factor, keys)


def add_noise(totals: Float64, words: NDArray[np.uint64], std: float, scale: float) -> None:
    if len(words) != len(totals) + len(totals) % 2:
        raise ValueError(f"{len(words)} words cannot be noise on {len(totals)} totals")
    _add_noise(_address(totals, np.float64), _address(words, np.uint64), len(totals), std, scale)


def _added(kernel: Callable[..., None], totals: Float64, values: Float32, factor: float, keys: Keys) -> Sums:
    if len(totals) != len(values):
        raise ValueError(f"{len(values)} values cannot be added to {len(totals)}")
    sums = _Sums(len(values), keys)
    kernel(_address(totals, np.float64), _address(values, np.float32), len(values), factor, *sums.addresses)
    return sums.made


class _Sums:
    """Room for the sums of `count` values."""

    def __init__(self, count: int, keys: Keys) -> None:
        chunks = -(-count // CHUNK)
        self.made = Sums(np.empty(chunks), None if keys is None else np.empty(chunks, np.uint64))
        squares, checks = self.made
        self.addresses: tuple[int | None, ...] = (
            _address(squares, np.float64),
            None if keys is None else _address(check_keys(keys), np.uint32),
            None if checks is None else _address(checks, np.uint64),
        )


def _address(array: NDArray[np.generic], dtype: type[np.generic]) -> int:
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"a contiguous {dtype.__name__} array is needed, not {array.dtype}")
    return array.ctypes.data
