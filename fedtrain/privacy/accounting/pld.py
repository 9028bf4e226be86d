"""The accountant of Poisson sampling: privacy loss distributions."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.accountant import Relation
from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.accounting.release import Release, Sampling

SMALLEST_DELTA = 1e-10
"""Rounding errors of the Fourier transform are below 1e-13."""


class Pld:
    """Tight for Poisson sampling, under addition or removal of one unit. No sampling is Poisson sampling with
    probability 1."""

    name = "PLD"
    relation: Relation = "AddOrRemoveOne"
    smallest_multiplier = 0.05
    """Losses of smaller noise exceed 700, whose exponential is not a number any more."""

    def supports(self, sampling: Sampling) -> bool:
        return True

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        """Return epsilon. Raises AccountingError for what rounding errors would spoil.

        Example of Abadi et al. 2016, section 3.1: 100 passes with q = 0.01 and z = 4, for which their moments
        accountant has 1.26. dp-accounting's PLD accountant has 0.947:

        >>> from fedtrain.privacy.accounting import Poisson
        >>> round(Pld().epsilon({Release(4.0, Poisson(0.01)): 10_000}, 1e-5), 3)
        0.947
        """
        from fedtrain.privacy.accounting.privacy_loss_distribution import poisson_epsilon

        if delta < SMALLEST_DELTA:
            raise AccountingError(f"delta is {delta:g}. Set it to {SMALLEST_DELTA:g} or more with Poisson sampling.")
        if (found := min(release.multiplier for release in releases)) < (least := self.smallest_multiplier):
            raise AccountingError(
                f"The noise multiplier is {found:g}, which protects no one. Set it to {least} or more."
            )
        return poisson_epsilon(releases, delta)
