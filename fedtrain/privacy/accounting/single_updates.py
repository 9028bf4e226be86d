"""Epsilon of single updates, each with one share of the noise: what they reveal to a hub that is not trusted."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.epsilon_of_releases import epsilon
from fedtrain.privacy.accounting.range_of_samples import covers_range_of_samples
from fedtrain.privacy.accounting.release import Release


def epsilon_of_single_updates(releases: Mapping[Release, int], delta: float) -> float | None:
    """Return the epsilon of `releases`; None if their noise is too small for `delta`, because the generator's samples
    end. Raises AccountingError.

    >>> round(epsilon_of_single_updates({Release(1 / 3**0.5): 1}, 1e-5), 3)
    8.385
    >>> epsilon_of_single_updates({Release(1 / 25**0.5): 1}, 1e-5)
    """
    made = {release.multiplier: count for release, count in releases.items() if count}
    if made and not covers_range_of_samples(min(made), sum(made.values()), delta):
        return None
    return epsilon(releases, delta)
