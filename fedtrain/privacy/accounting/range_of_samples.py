"""Whether delta covers outputs that the generator cannot produce, because its samples end at `REACH`."""

from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.noise import REACH, tail

SHARE_OF_DELTA = 0.01
"""Largest share of delta that may be due to samples that the generator cannot produce."""


def covers_range_of_samples(multiplier: float, releases: int, delta: float) -> bool:
    """Return whether `delta` covers the outputs that `releases` releases with this noise cannot produce.

    26 participants share noise with multiplier 1; a single share is too small, of 10 participants it is not:

    >>> covers_range_of_samples(1 / 25**0.5, 1, 1e-5), covers_range_of_samples(1 / 9**0.5, 1, 1e-5)
    (False, True)
    """
    return tail(multiplier, releases) / SHARE_OF_DELTA <= delta


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
    if covers_range_of_samples(multiplier, releases, delta):
        return
    needed = f"{tail(multiplier, releases) / SHARE_OF_DELTA:.2g}"
    instead = f", or set `budget.delta` to at least {needed}" if float(needed) * units < 1 else ""
    raise AccountingError(
        f"Noise multiplier {multiplier:.3g} is too small for budget.delta {delta:g} and {what}: generated noise never "
        f"exceeds {REACH} standard deviations, and delta must cover what is beyond. "
        f"{'Lower `budget.epsilon`' if found else 'Raise `noise.multiplier`'}{instead}."
    )
