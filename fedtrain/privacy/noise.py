"""Calibration of the Gaussian noise on the mean of clipped updates, and its size relative to the signal.

z is the noise multiplier, C the norm that clipped the updates of this round, n the number of updates in the mean and d
the number of values of an update. The sum of the updates changes by at most C when one of them is replaced by zeros,
so the noise on the sum has standard deviation z C per value, and the noise on the mean z C / n (Dwork and Roth 2014,
Appendix A; McMahan et al. 2018, Algorithm 1).
"""

from math import erfc, inf, sqrt

from fedtrain.privacy.clipping import check_bound

_SMALLEST_MULTIPLIER, _LARGEST_MULTIPLIER = 1e-6, 1e6
"""Wider than what `spec.privacy` allows: shares of noise are smaller; adaptive clipping adds noise to the updates."""
REACH = 8.57
"""The largest sample of `gaussian_noise` in standard deviations."""


def noise_std(multiplier: float, bound: float, updates: int) -> float:
    """Return z C / n, the standard deviation of the noise on each value of the mean of `updates` updates clipped to
    `bound`. Raises ValueError.

    >>> noise_std(multiplier=2.0, bound=0.5, updates=4)
    0.25
    """
    check_multiplier(multiplier)
    check_bound(bound)
    _check_count(updates, "updates in the mean")
    return multiplier * bound / updates


def signal_to_noise(multiplier: float, updates: int, values: int) -> float:
    """Return C / (z C sqrt(d) / n) = n / (z sqrt(d)): the largest possible norm of the mean over the expected norm of
    the noise. C cancels out. Raises ValueError.

    Four participants and 58,000 values, z = 1.9: the noise is 114 times as large as the largest possible mean.

    >>> round(1 / signal_to_noise(multiplier=1.9, updates=4, values=58_000))
    114
    """
    check_multiplier(multiplier)
    _check_count(updates, "updates in the mean")
    _check_count(values, "values of an update")
    return updates / (multiplier * sqrt(values))


def updates_for_ratio(ratio: float, multiplier: float, values: int) -> float:
    """Return the number of updates n at which `signal_to_noise` is `ratio`.

    >>> round(updates_for_ratio(1.0, multiplier=1.9, values=58_000))
    458
    """
    return ratio / signal_to_noise(multiplier, 1, values)


def composed(multipliers: dict[float, int]) -> float:
    """Return the multiplier of one Gaussian release that costs as much as all of these together: (sum z^-2)^-1/2
    (Dong, Roth, Su 2022, Corollary 2; exact for Gaussian noise without subsampling). `multipliers`: how many releases
    were made with each multiplier. Infinity if there is none.

    >>> round(composed({2.0: 4}), 6), round(composed({1.0: 1, 2.0: 4}), 6)
    (1.0, 0.707107)
    """
    total = sum(count / check_multiplier(multiplier) ** 2 for multiplier, count in multipliers.items())
    return 1 / sqrt(total) if total else inf


def check_multiplier(multiplier: float) -> float:
    """Return `multiplier`. Raises ValueError unless it is from _SMALLEST_MULTIPLIER to _LARGEST_MULTIPLIER: its square
    and that of its inverse have all their digits."""
    if not _SMALLEST_MULTIPLIER <= multiplier <= _LARGEST_MULTIPLIER:
        raise ValueError(
            f"The noise multiplier is {multiplier:g}, but must be from {_SMALLEST_MULTIPLIER:g} to "
            f"{_LARGEST_MULTIPLIER:g}."
        )
    return multiplier


def _check_count(count: int, what: str) -> None:
    if count < 1:
        raise ValueError(f"The number of {what} is {count}, but must be at least 1.")


def tail(multiplier: float, releases: int) -> float:
    """Return a bound on the probability that `releases` releases with sensitivity 1 produce an output that the
    neighbouring input cannot produce, because samples end at `REACH` standard deviations.

    >>> tail(multiplier=1.0, releases=100) < 1e-11, tail(multiplier=0.2, releases=1) > 1e-4
    (True, True)
    """
    return releases * erfc((REACH - 1 / check_multiplier(multiplier)) / sqrt(2)) / 2
