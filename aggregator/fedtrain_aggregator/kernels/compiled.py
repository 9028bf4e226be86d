"""The kernels of kernels.c, noise.c and checksum.c. Importing this module raises ImportError if they were not compiled
from these files (hatch_build.py)."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.kernels.portable import CHUNK


def _function(name: str, *arguments: Any) -> Callable[..., None]:
    """Return a function of the library. Its calls release the GIL."""
    found = getattr(_library, name)
    found.argtypes = arguments
    found.restype = None
    return found


_ADD = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double, ctypes.c_void_p)
try:
    _library = ctypes.CDLL(str(Path(__file__).with_name("kernels.so")))
    _square_sums = _function("square_sums", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    _add_scaled = _function("add_scaled", *_ADD)
    _add_rounded = _function("add_rounded", *_ADD)
    _checksums = _function("checksums", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
    _add_noise = _function(
        "add_noise", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double, ctypes.c_double
    )
except (OSError, AttributeError) as error:  # not compiled, or from other sources
    raise ImportError(str(error)) from error


def square_sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    sums = np.empty(-(-len(values) // CHUNK))
    _square_sums(_address(values, np.float32), len(values), _address(sums, np.float64))
    return sums


def add_scaled(totals: NDArray[np.float64], values: NDArray[np.float32], factor: float) -> NDArray[np.float64]:
    return _added(_add_scaled, totals, values, factor)


def add_rounded(totals: NDArray[np.float64], values: NDArray[np.float32], factor: float) -> NDArray[np.float64]:
    return _added(_add_rounded, totals, values, factor)


def add_noise(totals: NDArray[np.float64], words: NDArray[np.uint64], std: float, scale: float) -> None:
    if len(words) != len(totals) + len(totals) % 2:
        raise ValueError(f"{len(words)} words cannot be noise on {len(totals)} totals")
    _add_noise(_address(totals, np.float64), _address(words, np.uint64), len(totals), std, scale)


def checksums(values: NDArray[np.float32], keys: NDArray[np.uint32]) -> NDArray[np.uint64]:
    if len(keys) != CHUNK:
        raise ValueError(f"{len(keys)} keys are not the {CHUNK} of a chunk")
    sums = np.empty(-(-len(values) // CHUNK), np.uint64)
    _checksums(_address(values, np.float32), len(values), _address(keys, np.uint32), _address(sums, np.uint64))
    return sums


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
