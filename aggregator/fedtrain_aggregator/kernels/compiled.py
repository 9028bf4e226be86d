"""The kernels of kernels.c and noise.c. Importing this module raises ImportError if they were not compiled
from these files (hatch_build.py)."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.kernels.portable import CHUNK, Float32, Float64, check_lengths


def _function(name: str, *arguments: Any) -> Callable[..., None]:
    """Return a function of the library. Its calls release the GIL."""
    found = getattr(_library, name)
    found.argtypes = arguments
    found.restype = None
    return found


_POINTER, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double
try:
    _library = ctypes.CDLL(str(Path(__file__).with_name("kernels.so")))
    _square_sums = _function("square_sums", _POINTER, _COUNT, _POINTER)
    _add_scaled = _function("add_scaled", _POINTER, _POINTER, _COUNT, _NUMBER, _POINTER)
    _add_rounded = _function("add_rounded", _POINTER, _POINTER, _COUNT, _NUMBER, _POINTER)
    _add_noise = _function("add_noise", _POINTER, _POINTER, _COUNT, _NUMBER, _NUMBER)
except (OSError, AttributeError) as error:  # not compiled, or from other sources
    raise ImportError(str(error)) from error


def square_sums(values: Float32) -> Float64:
    squares = np.empty(-(-len(values) // CHUNK))
    _square_sums(_address(values, np.float32), len(values), _address(squares, np.float64))
    return squares


def add_scaled(totals: Float64, values: Float32, factor: float) -> Float64:
    return _add(_add_scaled, totals, values, factor)


def add_rounded(totals: Float64, values: Float32, factor: float) -> Float64:
    return _add(_add_rounded, totals, values, factor)


def _add(function: Callable[..., None], totals: Float64, values: Float32, factor: float) -> Float64:
    check_lengths(totals, values)
    squares = np.empty(-(-len(values) // CHUNK))
    function(
        _address(totals, np.float64),
        _address(values, np.float32),
        len(values),
        factor,
        _address(squares, np.float64),
    )
    return squares


def add_noise(totals: Float64, words: NDArray[np.uint64], std: float, scale: float) -> None:
    if len(words) != len(totals) + len(totals) % 2:
        raise ValueError(f"{len(words)} words cannot be noise on {len(totals)} totals")
    _add_noise(_address(totals, np.float64), _address(words, np.uint64), len(totals), std, scale)


def _address(array: NDArray[np.generic], dtype: type[np.generic]) -> int:
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"a contiguous {dtype.__name__} array is needed, not {array.dtype}")
    return array.ctypes.data
