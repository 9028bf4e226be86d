"""The kernels in numpy, for machines without a C compiler: several passes over values in cache instead of one."""

import numpy as np
from numpy.typing import NDArray

CHUNK = 4096
"""Values whose squares are added up at a time, with numpy's pairwise summation."""

_SLICE = 8 * CHUNK
"""Values converted at a time: 256 KiB of float64, which fit a core's L2 cache."""


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
