"""Participants whose heartbeats are missing.

A heartbeat counts from when this coordinator saw `lastSeen` change, never by the participant's clock. A new coordinator
starts to count again, so it may report silence late and never early.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.timestamps import instant

MISSED = 1.5
"""Intervals without a heartbeat after which a participant counts as silent. A heartbeat that fails is sent again within
the interval."""
LONGEST_INTERVAL_SECONDS = 3600.0
CHECK = (
    "Ask the participant's owner whether its fedtrain operator runs and reaches this API server. With its next "
    "heartbeat, it takes part again"
)


@dataclass(frozen=True)
class _Beat:
    """`seen_at` on the steady clock, `since` the same time on the wall's."""

    last_seen: str | None
    seen_at: float
    since: str
    interval: float
    changed: bool
    """Whether this coordinator has seen the heartbeat change."""


@dataclass
class Heartbeats:
    """When each participant's newest heartbeat was first seen here. `interval`: seconds, where a participant reports
    none."""

    interval: float
    steady: Callable[[], float] = time.monotonic
    clock: Callable[[], float] = time.time
    _newest: dict[str, _Beat] = field(default_factory=dict[str, _Beat])

    def note(self, who: str, status: Json) -> None:
        """`status`: of the Participant."""
        last_seen, known = status.get("lastSeen"), self._newest.get(who)
        if known is None or known.last_seen != last_seen:
            reported = float(status.get("heartbeatSeconds") or self.interval)
            interval = min(reported, LONGEST_INTERVAL_SECONDS)
            self._newest[who] = _Beat(last_seen, self.steady(), instant(self.clock()), interval, known is not None)

    def forget(self, who: str) -> None:
        self._newest.pop(who, None)

    def remaining(self, who: str) -> float:
        """Seconds until the participant counts as silent; 0 or less if it does."""
        beat = self._newest[who]
        return beat.seen_at + MISSED * beat.interval - self.steady()

    def silent(self, who: Iterable[str]) -> Mapping[str, str]:
        """Those whose heartbeat is missing, and since when by the hub's clock."""
        return {one: self._newest[one].since for one in who if one in self._newest and self.remaining(one) < 0}

    def count_silent(self) -> int:
        """The number of silent participants. Safe in a thread."""
        return len(self.silent(self._newest.copy()))

    def connected(self, who: str) -> Condition | None:
        """The condition `Connected` of a participant. None: unchanged, because this coordinator has just started."""
        beat = self._newest.get(who)
        if beat is None:
            return None
        if beat.last_seen is None:
            return Condition("Connected", "False", "NeverConnected", f"No heartbeat has arrived yet. {CHECK}")
        if self.remaining(who) < 0:
            message = f"No heartbeat since {beat.since}. {CHECK}"
            return Condition("Connected", "False", "HeartbeatMissing", message)
        return Condition("Connected", "True", "HeartbeatsArrive") if beat.changed else None


def participants_seen(silent: Mapping[str, str]) -> Condition:
    """The condition `ParticipantsSeen`. Pure."""
    if silent:
        names = ", ".join(f"{who} since {since}" for who, since in sorted(silent.items()))
        return Condition("ParticipantsSeen", "False", "Silent", f"No heartbeats from {names}. {CHECK}")
    return Condition("ParticipantsSeen", "True", "Seen")
