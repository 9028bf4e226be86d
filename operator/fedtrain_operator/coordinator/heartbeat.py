"""Participants that give no sign of life. It is timed by when this coordinator saw their `lastSeen` change, never by
their clocks; a new coordinator begins anew, so silence may be said late and never early."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import Json

HEARTBEATS = 3
"""So many may fail to come."""


@dataclass
class Heard:
    """When each participant's last sign of life was first seen here."""

    steady: Callable[[], float] = time.monotonic
    _signs: dict[str, tuple[str | None, float]] = field(default_factory=dict[str, tuple[str | None, float]])

    def note(self, who: str, last_seen: str | None) -> None:
        if who not in self._signs or self._signs[who][0] != last_seen:
            self._signs[who] = last_seen, self.steady()

    def forget(self, who: str) -> None:
        self._signs.pop(who, None)

    def silent(self, who: Iterable[str], heartbeat: float) -> list[str]:
        """Those of whom nothing was heard for long."""
        oldest = self.steady() - HEARTBEATS * heartbeat
        return [one for one in who if one in self._signs and self._signs[one][1] < oldest]


def seen(silent: Iterable[str], records: Mapping[str, Json]) -> Condition:
    """The condition `ParticipantsSeen`. Pure."""
    said = [
        f"{who} was last seen at {records[who].get('status', {}).get('lastSeen', 'no time')}: does its operator run?"
        for who in silent
        if who in records
    ]
    if said:
        return Condition("ParticipantsSeen", "False", "Silent", "; ".join(said))
    return Condition("ParticipantsSeen", "True", "Seen")
