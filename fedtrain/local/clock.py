"""How long the current round has had: the time in which work could go on, kept over restarts.

It is telemetry: lost, it starts anew, so that a deadline may come late and never early.
"""

import json
from dataclasses import dataclass

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError

NAME = "clock.json"
KEEP_EVERY_SECONDS = 5.0


@dataclass
class RoundClock:
    """Seconds of one (round, epoch). `tick` is called while work can go on; `pause` when it can't."""

    ledger: Ledger
    _of: tuple[int, int] = (-1, -1)
    _elapsed: float = 0.0
    _last: float | None = None
    _kept: float = 0.0

    def tick(self, round: int, epoch: int, now: float) -> float:
        """Seconds that this round has had so far."""
        if (round, epoch) != self._of:
            self._of, self._elapsed, self._last = (round, epoch), self._remembered(round, epoch), now
            self._kept = self._elapsed
        if self._last is not None:
            self._elapsed += now - self._last
        self._last = now
        if self._elapsed - self._kept >= KEEP_EVERY_SECONDS:
            self._kept = self._elapsed
            content = {"round": round, "epoch": epoch, "elapsed": self._elapsed}
            self.ledger.put_telemetry(NAME, json.dumps(content).encode())
        return self._elapsed

    def pause(self) -> None:
        """The time from the last tick to the next one does not count."""
        self._last = None

    def _remembered(self, round: int, epoch: int) -> float:
        try:
            kept = json.loads(self.ledger.content(names.telemetry(NAME)))
            return float(kept["elapsed"]) if (kept["round"], kept["epoch"]) == (round, epoch) else 0.0
        except (StoreError, ValueError, KeyError):
            return 0.0
