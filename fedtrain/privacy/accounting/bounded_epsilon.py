"""Epsilon of releases whose noise was not chosen for a given delta: those in an owner's ledger, and single updates,
each with one share of the noise."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.epsilon_of_releases import epsilon
from fedtrain.privacy.accounting.range_of_samples import covers_range_of_samples
from fedtrain.privacy.accounting.release import Release


def bounded_epsilon(releases: Mapping[Release, int], delta: float) -> float | None:
    """Return the epsilon of `releases`; None if their noise is too small for `delta`, because the generator's samples
    end. Raises AccountingError.

    >>> round(bounded_epsilon({Release(1 / 3**0.5): 1}, 1e-5), 3)
    8.385
    >>> bounded_epsilon({Release(1 / 25**0.5): 1}, 1e-5)
    """
    return epsilon(releases, delta) if covers_range_of_samples(releases, delta) else None
