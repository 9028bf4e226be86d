"""Adaptive clipping (Andrew, Thakkar, McMahan, Ramaswamy 2021, "Differentially Private Learning with Adaptive
Clipping", Algorithm 1): the clipping norm C follows a quantile of the updates' norms.

Each update has an indicator b_i, 1 if its norm is at most C and 0 if it is clipped. Their noisy mean b~ moves C for the
next round:

    b~ = (sum b_i + N(0, sigma_b^2)) / n        C <- C exp(-eta (b~ - gamma))

If more updates than the fraction gamma are within C, it shrinks; otherwise it grows. Flower has the sign reversed.

The indicators are released too. If a clipped update is replaced by zeros, whose norm is within C, its indicator
changes from 0 to 1, so the sum changes by at most 1 and its noise has the multiplier sigma_b. (The paper centres the
indicators at 1/2 and gets 2 sigma_b, for a participant that is added or removed.) One round costs as much as one
Gaussian release with multiplier z if the updates get z_delta:

    z_delta^-2 + sigma_b^-2 = z^-2
"""

from math import exp, isfinite, sqrt

from fedtrain.plurals import several
from fedtrain.privacy.clipping import LARGEST_NORM, SMALLEST_NORM, check_bound
from fedtrain.privacy.noise import check_multiplier

UPDATES_PER_INDICATOR_NOISE = 20
"""The paper's choice of sigma_b is n / 20."""


def next_bound(bound: float, noisy_fraction: float, quantile: float, learning_rate: float) -> float:
    """Return the clipping norm of the next round. `noisy_fraction`: b~, which may be outside 0 to 1. The norm stays
    between SMALLEST_NORM and LARGEST_NORM. Raises ValueError if `noisy_fraction` or `bound` is not valid.

    With all updates within C, half of them wanted and eta = 0.2, C shrinks by a tenth:

    >>> round(next_bound(1.0, noisy_fraction=1.0, quantile=0.5, learning_rate=0.2), 4)
    0.9048
    >>> round(next_bound(1.0, noisy_fraction=0.0, quantile=0.5, learning_rate=0.2), 4)
    1.1052
    """
    check_bound(bound)
    exponent = -learning_rate * (noisy_fraction - quantile)
    if not isfinite(exponent):
        raise ValueError(f"The noisy fraction of updates within the clipping norm is {noisy_fraction}.")
    following = bound * exp(max(-_LARGEST_STEP, min(_LARGEST_STEP, exponent)))
    return max(SMALLEST_NORM, min(LARGEST_NORM, following))


_LARGEST_STEP = 2.0
"""One round changes C by a factor of e^2 at most: with few participants, b~ is mostly noise."""


def noisy_fraction(within: int, noise: float, updates: int) -> float:
    """Return b~ from the number of updates within the clipping norm and the noise on it, of standard deviation
    sigma_b.

    >>> noisy_fraction(within=3, noise=-0.5, updates=4)
    0.625
    """
    if not 0 <= within <= updates or updates < 1:
        raise ValueError(f"{within} of {several(updates, 'update')} cannot be within the clipping norm.")
    return (within + noise) / updates


def update_multiplier(multiplier: float, indicator_noise: float) -> float:
    """Return z_delta, the multiplier of the noise on the updates, so that updates and indicators together cost as much
    as one release with `multiplier` (z). `indicator_noise`: sigma_b. Raises ValueError unless z < sigma_b.

    >>> round(update_multiplier(1.0, indicator_noise=2.0), 4)
    1.1547
    """
    check_multiplier(multiplier)
    if not (isfinite(indicator_noise) and multiplier < indicator_noise):
        raise ValueError(
            f"The noise on the indicators has standard deviation {indicator_noise:.6g}, which leaves nothing of the "
            f"noise multiplier {multiplier:.6g} for the updates. Set it to more than {multiplier:.6g}."
        )
    return 1 / sqrt(multiplier**-2 - indicator_noise**-2)


def noise_on_updates(multiplier: float, indicator_noise: float | None) -> float:
    """Return the multiplier of the noise on the updates in a round with `multiplier`: larger with adaptive clipping,
    which spends a part of the round's privacy on the indicators. `indicator_noise`: None with a fixed clipping norm.
    Raises ValueError.

    >>> noise_on_updates(1.0, None), round(noise_on_updates(1.0, 2.0), 4)
    (1.0, 1.1547)
    """
    return check_multiplier(multiplier) if indicator_noise is None else update_multiplier(multiplier, indicator_noise)


def default_indicator_noise(multiplier: float, updates: int) -> float:
    """Return the default sigma_b for a round of `updates` updates: n / 20 as in the paper, or 2 z if that is larger.
    n / 20 alone is possible for z < n / 20 only. With sigma_b = 2 z, the updates get 15.5% more noise than without
    adaptive clipping.

    >>> default_indicator_noise(1.0, updates=100), default_indicator_noise(1.0, updates=4)
    (5.0, 2.0)
    """
    return max(updates / UPDATES_PER_INDICATOR_NOISE, 2 * check_multiplier(multiplier))
