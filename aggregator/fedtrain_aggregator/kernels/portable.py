"""The kernels in numpy, for machines without a C compiler: several passes over values in cache instead of one."""

import numpy as np
from numpy.typing import NDArray

from fedtrain.privacy.gaussian_noise import standard_gaussian

CHUNK = 4096
"""Values whose squares are added up at a time, with numpy's pairwise summation."""

_SLICE = 8 * CHUNK
"""Values converted at a time: 256 KiB of float64, which fit a core's L2 cache."""

_NOISE_SLICE = 4 * CHUNK
"""Samples computed at a time, in several arrays of half their number."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def add_scaled(totals: Float64, values: Float32, factor: float) -> Float64:
    return _add(totals, values, factor, rounded=False)


def add_rounded(totals: Float64, values: Float32, factor: float) -> Float64:
    return _add(totals, values, factor, rounded=True)


def check_lengths(totals: Float64, values: Float32) -> None:
    """Raises ValueError unless there is a value for each total."""
    if len(values) != len(totals):
        raise ValueError(f"{len(values)} values cannot be added to {len(totals)}")


def square_sums(values: Float32) -> Float64:
    sums = np.empty(-(-len(values) // CHUNK))
    squares = np.empty(min(_SLICE, len(values)))
    for start in range(0, len(values), _SLICE):
        part = squares[: len(values) - start]
        np.copyto(part, values[start : start + _SLICE])
        np.multiply(part, part, out=part)
        first, rows = start // CHUNK, len(part) // CHUNK
        np.add.reduce(part[: rows * CHUNK].reshape(-1, CHUNK), axis=1, out=sums[first : first + rows])
        if rows * CHUNK < len(part):
            sums[first + rows] = np.add.reduce(part[rows * CHUNK :])
    return sums


def add_noise(totals: Float64, words: NDArray[np.uint64], std: float, scale: float) -> None:
    for start in range(0, len(totals), _NOISE_SLICE):
        target = totals[start : start + _NOISE_SLICE]
        noise = standard_gaussian(words[start : start + _NOISE_SLICE])[: len(target)]
        noise *= std
        np.rint(noise, out=noise)
        target += noise
        target *= scale


def _add(totals: Float64, values: Float32, factor: float, *, rounded: bool) -> Float64:
    check_lengths(totals, values)
    scaled = np.empty(min(_SLICE, len(values)))
    for start in range(0, len(values), _SLICE):
        part = scaled[: len(values) - start]
        np.copyto(part, values[start : start + _SLICE])
        np.multiply(part, factor, out=part)
        if rounded:
            np.rint(part, out=part)
        target = totals[start : start + _SLICE]
        np.add(target, part, out=target)
    return square_sums(values)
