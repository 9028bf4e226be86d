"""The accountant of Poisson sampling: privacy loss distributions."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.accountant import Relation
from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.accounting.release import AllRounds, Poisson, Release, Sampling

SMALLEST_DELTA = 1e-10
"""Rounding errors of the Fourier transform are below 1e-13."""
SMALLEST_MULTIPLIER = 0.05
"""Losses of smaller noise exceed 700, whose exponential is not a number any more."""


class Pld:
    """Tight for Poisson sampling, under addition or removal of one unit."""

    name = "PLD"
    relation: Relation = "AddOrRemoveOne"

    def supports(self, sampling: Sampling) -> bool:
        return isinstance(sampling, AllRounds | Poisson)

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        from fedtrain.privacy.accounting.privacy_loss_distribution import poisson_epsilon

        if delta < SMALLEST_DELTA:
            raise AccountingError(f"delta is {delta:g}. Set it to {SMALLEST_DELTA:g} or more with Poisson sampling.")
        if (smallest := min(release.multiplier for release in releases)) < SMALLEST_MULTIPLIER:
            raise AccountingError(
                f"The noise multiplier is {smallest:g}, which protects no one. Set it to {SMALLEST_MULTIPLIER} or more."
            )
        return poisson_epsilon(releases, delta)
