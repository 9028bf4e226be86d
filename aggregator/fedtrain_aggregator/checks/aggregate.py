"""Check of the next global adapter before it is claimed."""

from collections.abc import Sequence

from fedtrain_aggregator.checks.values import LARGEST_VALUE
from fedtrain_aggregator.errors import Refused

_NAMED = 3


def check_aggregate(largest: float, strategy: str, contributions: Sequence[tuple[str, float]]) -> None:
    """Raises Refused unless `largest`, the largest magnitude in the next global adapter, is finite and a size that an
    adapter can have. `contributions`: each participant with the norm of its part of the mean, to name the largest;
    empty under privacy, where the norms are not published."""
    if largest <= LARGEST_VALUE:  # False for NaN
        return
    what = (
        f"a value of {largest:.6g}, beyond {LARGEST_VALUE:g},"
        if largest < float("inf")
        else "values that are not finite"
    )
    if not contributions:
        raise Refused(
            f"{strategy} computes a global adapter with {what} from the noisy mean of the updates. Lower the server "
            "learning rate or the noise."
        )
    most = sorted(contributions, key=lambda pair: -pair[1])[:_NAMED]
    parts = ", ".join(f"{participant} ({norm:.4g})" for participant, norm in most)
    raise Refused(
        f"{strategy} computes a global adapter with {what} from updates that pass all checks. Largest parts of the "
        f"mean update, by norm: {parts}. Lower the server learning rate, or set a lower aggregation.maxUpdateNorm."
    )
