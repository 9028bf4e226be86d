"""Which of the updates that were read through are sound: bytes, finite values, the bound on the norm."""

from collections.abc import Sequence
from statistics import median

from fedtrain.api.aggregation import MaxUpdateNorm
from fedtrain_aggregator.incoming import Incoming

ENOUGH_FOR_A_MEDIAN = 3
"""With fewer sound updates the median says nothing of which one is odd: of two, both are as far from it."""


def flaws(updates: Sequence[Incoming], limit: MaxUpdateNorm | None) -> list[str | None]:
    """Why each update can't be aggregated, in words; None for the sound ones."""
    found = [update.flaw for update in updates]
    sound = [update.norm for update, flaw in zip(updates, found, strict=True) if flaw is None]
    bound = _bound(limit, sound) if limit is not None else None
    if bound is None:
        return found
    most, why = bound
    return [
        f"its norm is {update.norm:.6g}, beyond {why}" if flaw is None and update.norm > most else flaw
        for update, flaw in zip(updates, found, strict=True)
    ]


def _bound(limit: MaxUpdateNorm, norms: Sequence[float]) -> tuple[float, str] | None:
    """The largest norm that may be, and what it is in words."""
    if limit.type == "Absolute":
        if limit.norm is None:
            raise ValueError("aggregation.maxUpdateNorm is Absolute but has no norm. Set norm, the largest L2 norm.")
        return limit.norm, f"the {limit.norm:.6g} that aggregation.maxUpdateNorm allows"
    if limit.factor is None:
        raise ValueError("aggregation.maxUpdateNorm is TimesMedian but has no factor. Set factor.")
    if len(norms) < ENOUGH_FOR_A_MEDIAN:
        return None
    middle = median(norms)
    return limit.factor * middle, f"{limit.factor:.6g} times the median of {middle:.6g} over {len(norms)} updates"
