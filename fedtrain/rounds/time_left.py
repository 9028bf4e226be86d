"""The two time limits of a round. Both count time in which work could proceed; both restart after a failure."""

from fedtrain.api.base import seconds
from fedtrain.rounds.snapshot import Snapshot


def time_left(snapshot: Snapshot) -> float:
    """Seconds that the participants still have in this round: `rounds.deadline`."""
    return seconds(snapshot.spec.rounds.deadline) - snapshot.elapsed


def hub_time_left(snapshot: Snapshot) -> float:
    """Seconds that the hub's own jobs still have in this round: twice the deadline, so that they have a whole one for
    themselves after the participants. A job that hangs ends in a failure that says so."""
    return 2 * seconds(snapshot.spec.rounds.deadline) - snapshot.elapsed
