"""Behavior at the end of a participant's pass over its data (`onExhausted`).

    Wrap   the window continues with the next pass, in a new order
    Clip   one pass per run: the last window contains the remaining samples; then the participant sits out
    Idle   one pass per run: remaining samples that do not fill a window are not used; the participant sits out

With a mix of data sets, Wrap continues each data set with its own next pass. With Clip and Idle, the pass of the
participant ends when the first of its data sets ends.

Over a run, the uses of two samples of a data set differ by at most one with Wrap. With Clip and Idle, a sample is used
at most once.
"""

from collections.abc import Callable, Mapping

from fedtrain.partitioning.mixing import used_up
from fedtrain.partitioning.situation import Candidate, Want
from fedtrain.plurals import form, several


def _wrap(_: Candidate, wanted: int) -> Want:
    return Want(wanted)


def _clip(candidate: Candidate, wanted: int) -> Want:
    left = candidate.left
    if left == 0:
        what, samples = "its data", candidate.population
        if candidate.datasets:
            first = used_up(candidate.datasets)
            what, samples = f"its data set {first.name}", first.population
        return Want(0, f"{what} is used up: {several(samples, 'sample')} (onExhausted: Clip)")
    return Want(min(wanted, left))


def _idle(candidate: Candidate, wanted: int) -> Want:
    left = candidate.left
    if wanted <= left:
        return Want(wanted)
    mixed = " in the shares of its data sets" if candidate.datasets else ""
    return Want(
        0,
        f"{several(left, 'sample')} {form(left, 'is', 'are')} left{mixed}, but a round needs {wanted} "
        "(onExhausted: Idle)",
    )


ON_EXHAUSTED: Mapping[str, Callable[[Candidate, int], Want]] = {"Wrap": _wrap, "Clip": _clip, "Idle": _idle}
