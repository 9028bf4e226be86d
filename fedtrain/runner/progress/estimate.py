"""Time left of a round and of a run."""

from statistics import fmean

from fedtrain.runner.progress.state import View

EARLIEST = 0.05
"""Share of the first round after which the time left is estimated."""
_REMEMBERED = 5
"""Rounds whose mean duration estimates the next one."""


def time_left(view: View) -> tuple[float | None, float | None]:
    """Return the seconds left of the current round and of the run; None while unknown. Rounds that are recorded
    estimate later ones; the first round is estimated from its own progress."""
    if not view.trains:
        return None, None
    elapsed, done = view.clock() - view.round_since, view.round_progress
    if view.durations:
        whole = fmean(view.durations[-_REMEMBERED:])
        left = max(whole * (1 - done), 0.0) if done else max(whole - elapsed, 0.0)
    elif done >= EARLIEST:
        whole = elapsed / done
        left = whole - elapsed
    else:
        return None, None
    return left, left + whole * (view.rounds - view.round)
