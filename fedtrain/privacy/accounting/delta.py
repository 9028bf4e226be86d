"""Which delta is small enough for a number of units: releasing the data of one unit at random has delta 1 / units."""

from math import floor, log10

from fedtrain.privacy.accounting.errors import AccountingError, DeltaTooLarge

_USUAL = 1e-5
_MARGIN = 10
"""A delta above 1 / (margin * units) is large."""


def is_small_delta(delta: float, units: int) -> bool:
    """Whether `delta` is far enough below 1 / `units`."""
    return delta * _MARGIN * units <= 1


def small_delta(units: int) -> float:
    """Return a power of ten that is small enough for this number of units.

    >>> small_delta(270), small_delta(200_000)
    (1e-05, 1e-07)
    """
    return min(_USUAL, 10.0 ** floor(log10(1 / (_MARGIN * units))))


def check_delta(delta: float, units: int | None = None) -> None:
    """Raises AccountingError unless `delta` is a probability below 1 / `units`: with a larger delta, a mechanism that
    publishes one whole unit at random would count as private.

    >>> check_delta(0.3, units=4)
    Traceback (most recent call last):
    fedtrain.privacy.accounting.errors.DeltaTooLarge: delta is 0.3, but must be less than 1 / 4. Set it to 1e-05 \
or less.
    """
    if not 0 < delta < 1:
        raise AccountingError(f"delta is {delta}. Set it above 0 and below 1, such as 1e-5.")
    if units is not None and delta * units >= 1:
        fix = f"Set it to {small_delta(units):g} or less."
        raise DeltaTooLarge(f"delta is {delta:g}, but must be less than 1 / {units}. {fix}")
