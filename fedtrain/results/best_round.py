"""The round that a user names: a number, or the best by the run's headline metric."""

from fedtrain.ledger.store import ObjectMissing
from fedtrain.results.curve import Curve, curve
from fedtrain.results.run_summary import RunSummary


def best_point(shown: Curve) -> tuple[int, float]:
    """Return the round with the best value, and the value; the earliest of equals."""
    best = shown.points[0]
    for point in shown.points[1:]:
        if shown.measure.better(point[1], best[1]):
            best = point
    return best


def round_number(summary: RunSummary, wanted: str | None) -> int | None:
    """Return the number of the round that the user wants: `best`, a number, or None for the newest. Raises
    ObjectMissing if the run has no metric, ValueError if it is neither."""
    if wanted is None or wanted != "best":
        return None if wanted is None else int(wanted)
    shown = curve(summary)
    if shown is None:
        raise ObjectMissing(f"{summary.url} has no metric, so no round is the best. Use --round with a number.")
    return best_point(shown)[0]
