"""Clipping of an update: all its tensors are one vector, with one L2 norm (McMahan et al. 2018, "flat" clipping)."""

from decimal import ROUND_CEILING, Context
from math import isfinite

SMALLEST_NORM = 1e-6
"""Squares of values of an update clipped to less would underflow in float32."""
LARGEST_NORM = 1e6
_MARGIN = 0.99
_DIGITS = 9
_ADDITION = 1e-10
"""Relative difference of two machines' sums of the same squares, at most, in any order."""
_LARGEST_EXCESS = 2e-8
"""A norm that is rounded up exceeds the norm by less than this part of it."""


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


def stated_norm(norm: float) -> float:
    """Return the norm that a record states for an update of L2 norm `norm`: rounded up to 9 digits, so that no machine
    measures a larger one. An update that is clipped by its stated norm is never longer than the bound.

    >>> stated_norm(0.0), stated_norm(2.0), stated_norm(0.123456789012)
    (0.0, 2.00000001, 0.12345679)
    """
    if not (isfinite(norm) and norm >= 0):
        raise ValueError(f"The norm of an update is {norm}, but must be a finite number of at least 0.")
    return float(Context(prec=_DIGITS, rounding=ROUND_CEILING).create_decimal(norm * (1 + _ADDITION)))


def states(stated: float, norm: float) -> bool:
    """Return whether `stated` is what a record may state for an update of which the hub measures `norm`: not less, and
    no more than rounding adds.

    >>> states(2.00000001, norm=2.0), states(1.99999999, norm=2.0), states(2.1, norm=2.0)
    (True, False, False)
    """
    return norm <= stated <= norm * (1 + _LARGEST_EXCESS)


def check_bound(bound: float) -> None:
    """Raises ValueError unless `bound` is a clipping norm: a number from SMALLEST_NORM, less a margin for rounding, to
    LARGEST_NORM."""
    if not SMALLEST_NORM * _MARGIN <= bound <= LARGEST_NORM:
        raise ValueError(f"The clipping norm is {bound:g}, but must be from {SMALLEST_NORM:g} to {LARGEST_NORM:g}.")
