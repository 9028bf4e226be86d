"""Check of an update's values: finite, and of a size that an adapter can have."""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

LARGEST_VALUE = 65504.0
"""The largest float16. An adapter with a larger value cannot be served in half precision, and none that was trained in
earnest comes near it."""


def bad_value(values: NDArray[np.float32], square_sums: NDArray[np.float64]) -> int | None:
    """Return the index of the first value that is NaN, infinite or beyond LARGEST_VALUE; None if there is none.
    `square_sums`: the sums of the squares of consecutive ranges of `values`, which decide whether a closer look is
    needed."""
    if square_sums.max(initial=0.0) <= LARGEST_VALUE**2:  # False for NaN
        return None
    found = np.flatnonzero(~(np.abs(values) <= LARGEST_VALUE))
    return int(found[0]) if len(found) else None


def value_flaw(tensor: str, value: float) -> str:
    """Return the reason that a value which `bad_value` found gives."""
    if isfinite(value):
        return f"tensor {tensor} holds {value:.6g}, beyond {LARGEST_VALUE:g}, the largest value of an adapter"
    return f"tensor {tensor} holds {value}"
