"""Unreachable participants: their heartbeats are missing, as the hub observed, their namespace takes no tasks, or they
were revoked.

A participant in a cluster of its own may train and deliver while it is silent, so a round that has begun waits for it
until the deadline. One that has no task, because its namespace takes none, cannot deliver: a round waits for it only if
too few others remain. Where its tasks cannot be listed, one may run, and the round waits."""

from collections.abc import Iterable

from fedtrain.contracts.records import Absent
from fedtrain.rounds.snapshot import Snapshot

SILENT = "its fedtrain operator sends no heartbeats"
"""Reason in records, which contain no times of the hub's clock."""
REFUSING = "its namespace takes no tasks"
"""Beginning of the reason; the API server's words follow."""
UNASKED = "its Participant"
"""Beginning of the reason of a participant that cannot be given tasks, because it was revoked for example."""


def unreachable(snapshot: Snapshot) -> dict[str, Absent]:
    """Return the participants that cannot be reached now. The next plan leaves them out if enough others remain."""
    return {
        **{who: Absent(participant=who, reason=SILENT, code="Silent") for who in snapshot.silent},
        **{who: refusal(snapshot, who) for who in snapshot.refusing},
        **{who: Absent(participant=who, reason=why, code="NotAllowed") for who, why in snapshot.unasked.items()},
    }


def refusal(snapshot: Snapshot, who: str) -> Absent:
    """Return the absence of a participant whose namespace takes no tasks."""
    return Absent(participant=who, reason=f"{REFUSING}: {snapshot.refusing[who]}", code="TasksRefused")


def report(snapshot: Snapshot, waiting: Iterable[str]) -> str:
    """Return the silent ones of the participants that the run waits for, with the time since when; or an empty text."""
    silent = [f"{who} since {snapshot.silent[who]}" for who in sorted(waiting) if who in snapshot.silent]
    return f"no heartbeats from {', '.join(silent)}" if silent else ""
