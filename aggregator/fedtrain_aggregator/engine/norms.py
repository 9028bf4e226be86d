"""L2 norms of streamed values: the same bits for any size of block and any number of threads."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

CHUNK = 4096
"""Values whose squares numpy adds up at a time; blocks begin at multiples of it. A fixed size, summed front to back,
fixes the order of all additions."""


def square_sums(values: NDArray[np.float64], squares: NDArray[np.float64]) -> list[float]:
    """Return the sum of the squares of each CHUNK of `values`; the last one may be shorter. `squares`, as long as
    `values`, is overwritten. Squares of float32 values cannot overflow in float64."""
    np.multiply(values, values, out=squares)
    rows = len(values) // CHUNK * CHUNK
    sums: list[float] = np.add.reduce(squares[:rows].reshape(-1, CHUNK), axis=1).tolist()
    if rows < len(values):
        sums.append(float(np.add.reduce(squares[rows:])))
    return sums


class Norm:
    """The norm of all values whose `square_sums` were added, front to back."""

    def __init__(self) -> None:
        self._sum = 0.0

    def add(self, sums: Sequence[float]) -> None:
        for part in sums:
            self._sum += part

    @property
    def value(self) -> float:
        return sqrt(self._sum)
