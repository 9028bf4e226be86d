"""Behavior at the end of a participant's pass over its data (`onExhausted`).

    Wrap   the window continues with the next pass, in a new order
    Clip   one pass per run: the last window contains the remaining samples; then the participant sits out
    Idle   one pass per run: remaining samples that do not fill a window are not used; the participant sits out

Over a run, the uses of two samples differ by at most one with Wrap. With Clip and Idle, a sample is used at most once.
"""

from collections.abc import Callable, Mapping

from fedtrain.partitioning.situation import Candidate, Want
from fedtrain.plurals import form, several


def _wrap(_: Candidate, wanted: int) -> Want:
    return Want(wanted)


def _clip(candidate: Candidate, wanted: int) -> Want:
    left = max(0, candidate.population - candidate.start)
    if left == 0:
        return Want(0, f"its data is used up: {several(candidate.population, 'sample')} (onExhausted: Clip)")
    return Want(min(wanted, left))


def _idle(candidate: Candidate, wanted: int) -> Want:
    left = max(0, candidate.population - candidate.start)
    if wanted <= left:
        return Want(wanted)
    return Want(
        0, (f"{several(left, 'sample')} {form(left, 'is', 'are')} left, but a round needs {wanted} (onExhausted: Idle)")
    )


ON_EXHAUSTED: Mapping[str, Callable[[Candidate, int], Want]] = {"Wrap": _wrap, "Clip": _clip, "Idle": _idle}
