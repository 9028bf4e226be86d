"""Clipping of an update: all its tensors are one vector, with one L2 norm (McMahan et al. 2018, "flat" clipping)."""

from math import isfinite

SMALLEST_NORM = 1e-6
"""Squares of values of an update clipped to less would underflow in float32."""
LARGEST_NORM = 1e6
_MARGIN = 0.99


def clip_factor(norm: float, bound: float) -> float:
    """Return the factor min(1, bound / norm) that limits an update of this L2 norm to `bound`. Raises ValueError if
    the norm is not a finite number of at least 0 or the bound is not a clipping norm.

    >>> clip_factor(4.0, 1.0), clip_factor(0.5, 1.0), clip_factor(0.0, 1.0)
    (0.25, 1.0, 1.0)
    """
    check_bound(bound)
    if not (isfinite(norm) and norm >= 0):
        raise ValueError(f"The norm of an update is {norm}, but must be a finite number of at least 0.")
    return bound / norm if norm > bound else 1.0


def is_within(norm: float, bound: float) -> bool:
    """Return the indicator of adaptive clipping: whether clipping to `bound` leaves an update of this norm unchanged.

    >>> is_within(0.5, 1.0), is_within(1.0, 1.0), is_within(1.5, 1.0)
    (True, True, False)
    """
    return clip_factor(norm, bound) == 1.0


def check_bound(bound: float) -> None:
    """Raises ValueError unless `bound` is a clipping norm: a number from SMALLEST_NORM, less a margin for rounding, to
    LARGEST_NORM."""
    if not SMALLEST_NORM * _MARGIN <= bound <= LARGEST_NORM:
        raise ValueError(f"The clipping norm is {bound:g}, but must be from {SMALLEST_NORM:g} to {LARGEST_NORM:g}.")
