"""Whether trainings make progress: the condition `Progressing`, and how long ago the newest progress was."""

from collections.abc import Iterable
from dataclasses import dataclass

from fedtrain.manifests.conditions import Condition, find
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.timestamps import instant
from fedtrain.rounds.decision import FINISHED, STOPPED

NAME = "Progressing"
INTERNAL_ERROR = "InternalError"


@dataclass
class Progress:
    """When a training's place (phase, round, updates) changed last, as this coordinator saw it. Lost with the process:
    a lack of progress is then reported later. `steady` is None for a training that is not supposed to move."""

    steady: float | None
    wall: float
    place: object = None

    def note(self, place: object, stopped: bool, steady: float, wall: float) -> None:
        if place != self.place or self.steady is None:
            self.place, self.steady, self.wall = place, steady, wall
        if stopped:
            self.steady = None

    def age(self, steady: float) -> float:
        """Seconds without progress."""
        return 0.0 if self.steady is None else steady - self.steady


def progressing(phase: str, progress: Progress, deadline: float, steady: float) -> Condition:
    """The condition of a training whose pass succeeded. `deadline`: seconds of a round."""
    if phase in STOPPED:
        return Condition(NAME, "True" if phase in FINISHED else "False", phase)
    if progress.age(steady) > deadline:
        message = f"no progress since {instant(progress.wall)}, for longer than `rounds.deadline`. "
        message += "Read the other conditions, and the log of the coordinator"
        return Condition(NAME, "False", "NoProgress", message)
    return Condition(NAME, "True", "Progressing")


def failed(body: Json, error: Exception, now: float) -> Condition:
    """The condition of a training whose pass ended with an unexpected error. Its text may quote values, so only its
    class is shown."""
    message = f"{type(error).__name__} in the operator. Read the log of the coordinator"
    return blocked(body, message, now, INTERNAL_ERROR)


def blocked(body: Json, message: str, now: float, reason: str = "Blocked") -> Condition:
    """The condition of a training for which nothing can be decided. The time is when that began."""
    before = find(body.get("status", {}).get("conditions", ()), NAME) or {}
    since = before["lastTransitionTime"] if before.get("status") == "False" else instant(now)
    return Condition(NAME, "False", reason, f"no progress since {since}: {message}")


def oldest(progresses: Iterable[Progress], steady: float) -> float:
    """Seconds without progress of the training that has had none for the longest time."""
    return max((one.age(steady) for one in progresses), default=0.0)
