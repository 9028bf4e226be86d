"""Epsilon of a run's releases, fail closed: any doubt about the number is an AccountingError."""

from collections.abc import Mapping
from functools import lru_cache
from math import inf, isfinite

from fedtrain.privacy.accounting.delta import check_delta
from fedtrain.privacy.accounting.errors import AccountingError, TooLarge
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
