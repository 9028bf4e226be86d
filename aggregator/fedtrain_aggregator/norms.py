"""L2 norms over streamed values, the same bits whatever the size of the blocks and the number of threads."""

from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

CHUNK = 4096
"""Values whose squares numpy adds up at a time; blocks begin at multiples of it. A fixed size, summed up front to back,
fixes the order of all additions."""


class SquareSum:
    """The sum of the squares of all values seen. Squares of float32 can't overflow in float64, so the sum is finite if
    and only if all values are."""

    def __init__(self) -> None:
        self._sum = 0.0

    def add(self, values: NDArray[np.float64], squares: NDArray[np.float64]) -> bool:
        """Adds float32 values, held in float64[n], up; `squares`, float64[n] or longer, is overwritten. All but the
        last call have a multiple of CHUNK. False if there is NaN or an infinity among `values`."""
        squares = squares[: len(values)]
        np.multiply(values, values, out=squares)
        rows = len(values) // CHUNK * CHUNK
        sums = np.add.reduce(squares[:rows].reshape(-1, CHUNK), axis=1).tolist()
        sums.append(float(np.add.reduce(squares[rows:])))
        before = self._sum
        for part in sums:
            self._sum += part
        return isfinite(self._sum) or not isfinite(before)

    @property
    def norm(self) -> float:
        return sqrt(self._sum)
