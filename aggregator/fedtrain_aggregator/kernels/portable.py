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


def square_sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
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


def add_scaled(totals: NDArray[np.float64], values: NDArray[np.float32], factor: float) -> NDArray[np.float64]:
    return _added(totals, values, factor, rounded=False)


def add_rounded(totals: NDArray[np.float64], values: NDArray[np.float32], factor: float) -> NDArray[np.float64]:
    return _added(totals, values, factor, rounded=True)


def add_noise(totals: NDArray[np.float64], words: NDArray[np.uint64], std: float, scale: float) -> None:
    for start in range(0, len(totals), _NOISE_SLICE):
        target = totals[start : start + _NOISE_SLICE]
        noise = standard_gaussian(words[start : start + _NOISE_SLICE])[: len(target)]
        noise *= std
        np.rint(noise, out=noise)
        target += noise
        target *= scale


def checksums(values: NDArray[np.float32], keys: NDArray[np.uint32]) -> NDArray[np.uint64]:
    sums = np.zeros(-(-len(values) // CHUNK), np.uint64)
    for number, start in enumerate(range(0, len(values), CHUNK)):
        words = np.zeros(CHUNK, np.uint32)
        part = values[start : start + CHUNK]
        words[: len(part)] = part.view(np.uint32)
        words += keys
        even = len(part) + len(part) % 2
        sums[number] = np.dot(words[:even:2].astype(np.uint64), words[1:even:2].astype(np.uint64))
    return sums


def _added(
    totals: NDArray[np.float64], values: NDArray[np.float32], factor: float, *, rounded: bool
) -> NDArray[np.float64]:
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
