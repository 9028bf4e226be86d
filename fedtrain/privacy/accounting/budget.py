"""From a budget to the noise: the smallest multiplier with which all rounds fit."""

from decimal import ROUND_CEILING, Decimal
from math import isfinite, sqrt

from fedtrain.plurals import several
from fedtrain.privacy.accounting.delta import check_delta
from fedtrain.privacy.accounting.epsilon_of_releases import epsilon, fits
from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.accounting.registry import accountant_for
from fedtrain.privacy.accounting.release import AllRounds, Poisson, Release, Sampling

SMALLEST_MULTIPLIER = 0.01
LARGEST_MULTIPLIER = 1000.0
"""More noise leaves nothing of any update: with 1,000 participants and 1,000 values, it is 30 times the signal."""
TOLERANCE = 1e-4
"""Relative to the multiplier."""


def rounded_up(value: float) -> float:
    """Return the next larger number of three digits, or `value` itself."""
    unit = Decimal(1).scaleb(Decimal(value).adjusted() - 2)
    return float(Decimal(value).quantize(unit, rounding=ROUND_CEILING))


def multiplier_for(budget: float, delta: float, rounds: int, sampling: Sampling | None = None) -> float:
    """Return the smallest noise multiplier, up to TOLERANCE above it, with which `rounds` releases spend at most
    `budget` of epsilon at `delta`. Without `sampling`, all units are in all rounds; with Poisson sampling, the releases
    are called steps. Raises AccountingError if none of SMALLEST_MULTIPLIER, or the smallest one that has an epsilon, to
    LARGEST_MULTIPLIER is that multiplier.

    >>> round(multiplier_for(8.0, delta=1e-5, rounds=20), 3)
    2.684
    """
    check_delta(delta)
    if not (isfinite(budget) and budget > 0):
        raise AccountingError(f"The budget is an epsilon of {budget}. Set it to a number greater than 0, such as 8.")
    if rounds < 1:
        raise AccountingError(f"The number of rounds is {rounds}, but must be at least 1.")
    how = sampling or AllRounds()
    what = "step" if isinstance(how, Poisson) else "round"
    releases = several(rounds, what)

    def is_enough(multiplier: float) -> bool:
        return fits({Release(multiplier, how): rounds}, delta, budget)

    smallest = max(SMALLEST_MULTIPLIER, accountant_for(how).smallest_multiplier)
    below = above = 1.0  # small multipliers cost an accountant with privacy loss distributions the most time
    while not is_enough(above):
        if above == LARGEST_MULTIPLIER:
            least = rounded_up(epsilon({Release(above, how): rounds}, delta))
            fewer = f", or reduce the number of {what}s" if rounds > 1 else ""
            raise AccountingError(
                f"An epsilon of {budget:g} over {releases} needs a noise multiplier above {LARGEST_MULTIPLIER:g}, "
                f"which leaves nothing of the updates. Raise epsilon to at least {least:g}, which protects less{fewer}."
            )
        below, above = above, min(2 * above, LARGEST_MULTIPLIER)
    while below == above or is_enough(below):
        if below == smallest:
            raise AccountingError(
                f"A budget of epsilon {budget:g} over {releases} is met with almost no noise, "
                "so it protects no one. Lower epsilon."
            )
        above, below = below, max(below / 2, smallest)
    while above / below > 1 + TOLERANCE:
        middle = sqrt(above * below)
        if is_enough(middle):
            above = middle
        else:
            below = middle
    return above
