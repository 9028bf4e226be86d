"""Epsilon of a run's releases, fail closed: any doubt about the number is an AccountingError."""

from collections.abc import Mapping
from functools import lru_cache
from math import inf, isfinite

from fedtrain.privacy.accounting.errors import AccountingError, DeltaTooLarge, TooLarge
from fedtrain.privacy.accounting.registry import accountant_for
from fedtrain.privacy.accounting.release import Release


def epsilon(releases: Mapping[Release, int], delta: float) -> float:
    """Return the epsilon that `releases` have spent together at `delta`; 0 without releases. Raises AccountingError,
    also if the accountant fails.

    Ten rounds with z = 1 and all participants in each:

    >>> round(epsilon({Release(1.0): 10}, delta=1e-5), 2)
    17.86
    """
    check_delta(delta)
    counted = frozenset((release, count) for release, count in releases.items() if count)
    return _epsilon(counted, delta) if counted else 0.0


def fits(releases: Mapping[Release, int], delta: float, budget: float) -> bool:
    """Whether `releases` spend at most `budget` of epsilon at `delta`. Raises AccountingError, but not TooLarge: an
    epsilon that is too large to be computed is in no budget."""
    try:
        return epsilon(releases, delta) <= budget
    except TooLarge:
        return False


@lru_cache(4096)
def _epsilon(releases: frozenset[tuple[Release, int]], delta: float) -> float:
    accountant = accountant_for(*(release.sampling for release, _ in releases))
    for release, count in releases:
        if count < 0:
            raise AccountingError(f"{release} cannot have been made {count} times.")
    try:
        found = accountant.epsilon(dict(releases), delta)
    except AccountingError:
        raise
    except Exception as error:
        raise AccountingError(f"The accountant {accountant.name} failed: {type(error).__name__}: {error}") from error
    if found == inf:
        raise TooLarge("Epsilon is too large to be computed. Raise the noise, or make fewer steps.")
    if not (isfinite(found) and found >= 0):
        raise AccountingError(f"The accountant {accountant.name} computes an epsilon of {found}. Raise the noise.")
    return found


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
        enough = min(1e-5, 0.1 / units)
        raise DeltaTooLarge(f"delta is {delta:g}, but must be less than 1 / {units}. Set it to {enough:.1g} or less.")
