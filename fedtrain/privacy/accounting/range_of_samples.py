"""Whether delta covers outputs that the generator cannot produce, because its samples end at `REACH`."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.accounting.release import Release
from fedtrain.privacy.noise import REACH, tail

SHARE_OF_DELTA = 0.01
"""Largest share of delta that may be due to samples that the generator cannot produce."""


def covers_range_of_samples(releases: Mapping[Release, int], delta: float) -> bool:
    """Return whether `delta` covers the outputs that `releases` cannot produce.

    26 participants share noise with multiplier 1; a single share is too small, of 10 participants it is not:

    >>> [covers_range_of_samples({Release(1 / shares**0.5): 1}, 1e-5) for shares in (25, 9)]
    [False, True]
    """
    return _needed(releases) <= delta


def _needed(releases: Mapping[Release, int]) -> float:
    """Return the smallest delta that covers them."""
    return sum(tail(release.multiplier, count) for release, count in releases.items()) / SHARE_OF_DELTA


def check_range_of_samples(
    multiplier: float, releases: int, what: str, delta: float, *, units: int, found: bool
) -> None:
    """Raises AccountingError if `releases` releases with this noise need a larger delta. `what`: the releases with
    their number. `units`: for `check_delta`. `found`: whether the multiplier was found from the budget.

    >>> check_range_of_samples(0.12, 96, "96 steps", 1e-5, units=1890, found=True)
    Traceback (most recent call last):
    fedtrain.privacy.accounting.errors.AccountingError: Noise multiplier 0.12 is too small for budget.delta 1e-05 and \
96 steps: generated noise never exceeds 8.57 standard deviations, and delta must cover what is beyond. Lower \
`budget.epsilon`.
    """
    made = {Release(multiplier): releases}
    if covers_range_of_samples(made, delta):
        return
    needed = f"{_needed(made):.2g}"
    instead = f", or set `budget.delta` to at least {needed}" if float(needed) * units < 1 else ""
    raise AccountingError(
        f"Noise multiplier {multiplier:.3g} is too small for budget.delta {delta:g} and {what}: generated noise never "
        f"exceeds {REACH} standard deviations, and delta must cover what is beyond. "
        f"{'Lower `budget.epsilon`' if found else 'Raise `noise.multiplier`'}{instead}."
    )
