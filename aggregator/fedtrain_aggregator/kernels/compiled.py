"""The kernels of kernels.c. Importing this module raises ImportError if they were not compiled (hatch_build.py)."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.kernels.portable import CHUNK

try:
    _library = ctypes.CDLL(str(Path(__file__).with_name("kernels.so")))  # its calls release the GIL
except OSError as error:
    raise ImportError(str(error)) from error

_square_sums = _library.square_sums
_square_sums.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
_square_sums.restype = None
_add_scaled = _library.add_scaled
_add_scaled.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double, ctypes.c_void_p]
_add_scaled.restype = None
_add_rounded = _library.add_rounded
_add_rounded.argtypes = _add_scaled.argtypes
_add_rounded.restype = None


def square_sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    sums = np.empty(-(-len(values) // CHUNK))
    _square_sums(_address(values, np.float32), len(values), _address(sums, np.float64))
    return sums


def add_scaled(totals: NDArray[np.float64], values: NDArray[np.float32], factor: float) -> NDArray[np.float64]:
    return _added(_add_scaled, totals, values, factor)


def add_rounded(totals: NDArray[np.float64], values: NDArray[np.float32], factor: float) -> NDArray[np.float64]:
    return _added(_add_rounded, totals, values, factor)


def _added(
    kernel: Callable[..., None], totals: NDArray[np.float64], values: NDArray[np.float32], factor: float
) -> NDArray[np.float64]:
    if len(totals) != len(values):
        raise ValueError(f"{len(values)} values cannot be added to {len(totals)}")
    sums = np.empty(-(-len(values) // CHUNK))
    kernel(_address(totals, np.float64), _address(values, np.float32), len(values), factor, _address(sums, np.float64))
    return sums


def _address(array: NDArray[np.generic], dtype: type[np.generic]) -> int:
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"a contiguous {dtype.__name__} array is needed, not {array.dtype}")
    return array.ctypes.data
