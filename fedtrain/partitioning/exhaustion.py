"""What happens when a participant's pass over its data ends (`onExhausted`).

    Wrap   the window runs on into the next pass, in its new order
    Clip   the run has one pass: the last window is what is left of it, then the participant is done
    Idle   the run has one pass: a window that what is left can't fill is not trained on, and the participant is done

So over a run a sample is used equally often, give or take once, under Wrap, and at most once under Clip and Idle.
"""

from collections.abc import Callable, Mapping

from fedtrain.partitioning.situation import Candidate, Want


def _wrap(_: Candidate, wanted: int) -> Want:
    return Want(wanted)


def _clip(candidate: Candidate, wanted: int) -> Want:
    left = max(0, candidate.population - candidate.start)
    if left == 0:
        return Want(0, f"all of its {candidate.population} samples are used up (onExhausted: Clip)")
    return Want(min(wanted, left))


def _idle(candidate: Candidate, wanted: int) -> Want:
    left = max(0, candidate.population - candidate.start)
    if wanted <= left:
        return Want(wanted)
    return Want(0, f"{left} of its {candidate.population} samples are left, {wanted} are wanted (onExhausted: Idle)")


ON_EXHAUSTED: Mapping[str, Callable[[Candidate, int], Want]] = {"Wrap": _wrap, "Clip": _clip, "Idle": _idle}
