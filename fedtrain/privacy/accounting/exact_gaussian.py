"""Gaussian releases without subsampling, exactly.

Composed Gaussian releases are one Gaussian release (`fedtrain.privacy.noise.composed`), whose epsilon has a closed form
(Balle and Wang 2018, "Improving the Gaussian Mechanism for Differential Privacy", Theorem 8). A privacy loss
distribution gives the same number, but needs seconds for small noise.
"""

from collections.abc import Mapping

from fedtrain.privacy.accounting.accountant import Relation
from fedtrain.privacy.accounting.release import AllRounds, Release, Sampling
from fedtrain.privacy.noise import composed


class ExactGaussian:
    """dp-accounting's analytic Gaussian mechanism."""

    name = "exact Gaussian"
    relation: Relation = "ZeroOut"

    def supports(self, sampling: Sampling) -> bool:
        return isinstance(sampling, AllRounds)

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        from dp_accounting import get_epsilon_gaussian  # pyright: ignore[reportMissingTypeStubs]

        counts: dict[float, int] = {}
        for release, count in releases.items():
            counts[release.multiplier] = counts.get(release.multiplier, 0) + count
        return float(get_epsilon_gaussian(composed(counts), delta))
