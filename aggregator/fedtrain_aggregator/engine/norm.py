"""L2 norms of streamed values."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray


class Norm:
    """The norm of all values whose `square_sums` were added, front to back. Each block begins at a multiple of
    kernels.CHUNK, which fixes the order of all additions, so the size of blocks does not change a bit."""

    def __init__(self) -> None:
        self._sum = 0.0

    def add(self, square_sums: NDArray[np.float64]) -> None:
        for part in square_sums.tolist():  # numpy's sum, and Python's since 3.12, add in another order
            self._sum += part

    @property
    def value(self) -> float:
        return sqrt(self._sum)
