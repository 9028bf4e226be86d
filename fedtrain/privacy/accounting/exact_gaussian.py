"""Gaussian releases without subsampling, exactly.

Composed Gaussian releases are one Gaussian release (`fedtrain.privacy.noise.composed`), whose epsilon has a closed form
(Balle and Wang 2018, "Improving the Gaussian Mechanism for Differential Privacy", Theorem 8). With sensitivity 1, noise
multiplier z, a = epsilon z - 1 / (2 z) and b = epsilon z + 1 / (2 z):

    delta(epsilon) = Phi(-a) - e^epsilon Phi(-b) = (erfc(a / sqrt 2) - e^(-a^2 / 2) erfcx(b / sqrt 2)) / 2

The second form neither overflows nor loses digits. A privacy loss distribution gives the same number, but needs seconds
for small noise; dp-accounting's own closed form imports scipy, which the operator's image does without. Tests compare
them.
"""

import math
from collections.abc import Mapping

from fedtrain.privacy.accounting.accountant import Relation
from fedtrain.privacy.accounting.release import AllRounds, Release, Sampling
from fedtrain.privacy.noise import composed

_HALVINGS = 200
_DIRECT = 25.0
"""Up to here, exp(x^2) erfc(x) has all its digits; above, erfc underflows and a continued fraction has converged."""


class ExactGaussian:
    """The analytic Gaussian mechanism."""

    name = "exact Gaussian"
    relation: Relation = "ZeroOut"
    smallest_multiplier = 0.0

    def supports(self, sampling: Sampling) -> bool:
        return isinstance(sampling, AllRounds)

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        counts: dict[float, int] = {}
        for release, count in releases.items():
            counts[release.multiplier] = counts.get(release.multiplier, 0) + count
        return gaussian_epsilon(composed(counts), delta)


def gaussian_epsilon(multiplier: float, delta: float) -> float:
    """Return the smallest epsilon of a Gaussian release with sensitivity 1, rounded up; inf if it exceeds the range of
    numbers. `delta` is in (0, 1).

    >>> round(gaussian_epsilon(1.0, 1e-5), 4)
    4.3772
    """
    low, high = 0.0, 1.0
    if gaussian_delta(multiplier, low) <= delta:
        return low
    while gaussian_delta(multiplier, high) > delta:
        low, high = high, high * 2
        if math.isinf(high):
            return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if gaussian_delta(multiplier, middle) > delta else (low, middle)
    return high


def gaussian_delta(multiplier: float, epsilon: float) -> float:
    """Return delta of a Gaussian release with sensitivity 1 at `epsilon`."""
    half = 1 / (2 * multiplier)
    a, b = epsilon * multiplier - half, epsilon * multiplier + half
    if a < 0:
        return (math.erfc(a / math.sqrt(2)) - math.exp(-a * a / 2) * _erfcx(b / math.sqrt(2))) / 2
    return math.exp(-a * a / 2) * (_erfcx(a / math.sqrt(2)) - _erfcx(b / math.sqrt(2))) / 2


def _erfcx(x: float) -> float:
    """exp(x^2) erfc(x) for x >= 0 (Abramowitz and Stegun 7.1.14 for large x)."""
    if x < _DIRECT:
        return math.exp(x * x) * math.erfc(x)
    fraction = x
    for numerator in range(20, 0, -1):
        fraction = x + numerator / 2 / fraction
    return 1 / (fraction * math.sqrt(math.pi))
