"""Check of the updates' L2 norms against `aggregation.maxUpdateNorm`."""

from collections.abc import Sequence
from statistics import median

from fedtrain.api.aggregation import DEFAULT_MAX_UPDATE_NORM, MaxUpdateNorm
from fedtrain.plurals import several

MIN_UPDATES_FOR_MEDIAN = 3
"""With fewer norms the median does not show which one is unusual: two norms are equally far from their median."""


def norm_flaws(norms: Sequence[float], limit: MaxUpdateNorm | None) -> list[str | None]:
    """Return for the norm of each sound update why it is too large; None where it is not. Without `limit`,
    DEFAULT_MAX_UPDATE_NORM applies."""
    bound = _bound(limit or DEFAULT_MAX_UPDATE_NORM, norms, " (the default of aggregation.maxUpdateNorm)" * (not limit))
    if bound is None:
        return [None for _ in norms]
    largest, words = bound
    return [f"its norm is {norm:.6g}, beyond {words}" if norm > largest else None for norm in norms]


def _bound(limit: MaxUpdateNorm, norms: Sequence[float], default: str) -> tuple[float, str] | None:
    """Return the largest allowed norm, and what it is in words; None if the updates are too few for a median. Updates
    of zeros are left out of the median: they say nothing about the usual norm, and a majority of them would make it
    0."""
    if limit.type == "Absolute":
        if limit.norm is None:
            raise ValueError("aggregation.maxUpdateNorm is Absolute but has no norm. Set norm, the largest L2 norm.")
        return limit.norm, f"the {limit.norm:.6g} that aggregation.maxUpdateNorm allows"
    if limit.factor is None:
        raise ValueError("aggregation.maxUpdateNorm is TimesMedian but has no factor. Set factor.")
    counted = [norm for norm in norms if norm > 0]
    if len(counted) < MIN_UPDATES_FOR_MEDIAN:
        return None
    middle = median(counted)
    words = f"{limit.factor:.6g} times the median of {middle:.6g} over {several(len(counted), 'update')}{default}"
    return limit.factor * middle, words
