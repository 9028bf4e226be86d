"""Noise that the participants add: each adds a share to its clipped update before it leaves, and the sum of the shares
is the noise of the release.

A round aggregates at least q updates. One participant knows its own share and can subtract it, so the shares of the
q - 1 others must reach the target z C together: each share has standard deviation z C / sqrt(q - 1). With n >= q
updates the sum has more noise than the accountant counts; with fewer, nothing is published. (Distributed noise
generation: Dwork, Kenthapadi, McSherry, Mironov, Naor 2006, "Our Data, Ourselves"; here without secure aggregation, so
the hub sees each noisy update, which is a release with the multiplier of one share.)
"""

from math import sqrt

from fedtrain.privacy.clipping import check_bound
from fedtrain.privacy.noise import check_multiplier

DEVIATIONS = 10.0
"""The norm of d Gaussian samples with standard deviation s is further than t s from s sqrt(d) with a probability of at
most 2 exp(-t^2 / 2) (concentration of a Lipschitz function), with t s = 1/2 s for the mean: 1e-19 for t = 9.5."""
_ROUNDING = 1e-6
"""Relative change of a norm by float32 values, at most."""


def share_multiplier(multiplier: float, updates: int) -> float:
    """Return the noise multiplier of one share, z / sqrt(q - 1), for a round of at least q = `updates` updates. Raises
    ValueError if q is below 2.

    >>> share_multiplier(2.0, updates=5)
    1.0
    """
    check_multiplier(multiplier)
    if updates < 2:
        raise ValueError(f"The number of noise shares is {updates}, but must be at least 2.")
    return multiplier / sqrt(updates - 1)


def noisy_norm_range(share: float, bound: float, values: int) -> tuple[float, float]:
    """Return the smallest and largest norm of a clipped update with its share of noise: sqrt(d) s -+ (C + 10 s), with
    s = `share` C. An update outside has no share of noise, or is not clipped. `values`: d.

    >>> noisy_norm_range(share=1.0, bound=1.0, values=10_000)
    (88.9999, 111.0001)
    """
    check_multiplier(share)
    check_bound(bound)
    middle, width = share * bound * sqrt(values), bound + DEVIATIONS * share * bound
    slack = _ROUNDING * middle
    return max(0.0, middle - width - slack), middle + width + slack


def noisy_indicator_limit(indicator_share: float) -> float:
    """Return the largest magnitude of an indicator of adaptive clipping with its share of noise, of standard deviation
    `indicator_share`.

    >>> noisy_indicator_limit(2.0)
    21.0
    """
    return 1 + DEVIATIONS * indicator_share
