"""Participants whose heartbeats are missing.

A heartbeat counts from when this coordinator saw `lastSeen` change, never by the participant's clock. A new coordinator
starts to count again, so it may report silence late and never early.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import Json

MISSED = 3
"""Missed heartbeats before a participant counts as silent."""


@dataclass
class Heartbeats:
    """When each participant's newest heartbeat was first seen here."""

    steady: Callable[[], float] = time.monotonic
    _newest: dict[str, tuple[str | None, float]] = field(default_factory=dict[str, tuple[str | None, float]])

    def note(self, who: str, last_seen: str | None) -> None:
        if who not in self._newest or self._newest[who][0] != last_seen:
            self._newest[who] = last_seen, self.steady()

    def forget(self, who: str) -> None:
        self._newest.pop(who, None)

    def silent(self, who: Iterable[str], interval: float) -> list[str]:
        """Those that have missed too many heartbeats, which come every `interval` seconds."""
        oldest = self.steady() - MISSED * interval
        return [one for one in who if one in self._newest and self._newest[one][1] < oldest]


def participants_seen(silent: Iterable[str], records: Mapping[str, Json]) -> Condition:
    """The condition `ParticipantsSeen`. Pure."""
    messages = [
        f"{who} was last seen at {records[who].get('status', {}).get('lastSeen', 'an unknown time')}. "
        "Check that its operator runs"
        for who in silent
        if who in records
    ]
    if messages:
        return Condition("ParticipantsSeen", "False", "Silent", "; ".join(messages))
    return Condition("ParticipantsSeen", "True", "Seen")
