"""The round's clock, kept across restarts.

It is telemetry: if it is lost, it restarts at 0, so a deadline may come late and never early.
"""

import json
from dataclasses import dataclass, field

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError
from fedtrain.rounds.clock import RoundClock

NAME = "clock.json"
KEEP_EVERY_SECONDS = 5.0


@dataclass
class KeptClock:
    """A RoundClock whose seconds are also in the ledger's telemetry."""

    ledger: Ledger
    run_id: str
    _clock: RoundClock = field(default_factory=RoundClock)
    _kept: float = 0.0

    def tick(self, round: int, epoch: int, asked: float, answered: float) -> float:
        """Seconds that this round has had so far. The store was asked and has answered; waiting for it does not
        count."""
        if (round, epoch) != (self._clock.round, self._clock.epoch):
            self._kept = self._remembered(round, epoch)
            self._clock = RoundClock(round, epoch, self._kept)
        elapsed = self._clock.tick(round, epoch, asked)
        self._clock.answered(answered)
        if elapsed - self._kept >= KEEP_EVERY_SECONDS:
            self._keep(elapsed)
        return elapsed

    def out(self) -> None:
        """The store does not answer: no time counts since it did last, nor until the next tick."""
        self._clock.out()

    def restart(self) -> None:
        """The next process counts the time of this round from 0: this one stops for a cause that the user fixes."""
        self._keep(0.0)

    def _keep(self, elapsed: float) -> None:
        self._kept = elapsed
        content = {
            "runId": self.run_id,
            "round": self._clock.round,
            "epoch": self._clock.epoch,
            "elapsed": elapsed,
        }
        self.ledger.put_telemetry(NAME, json.dumps(content).encode())

    def _remembered(self, round: int, epoch: int) -> float:
        try:
            kept = json.loads(self.ledger.content(names.telemetry(NAME)))
            place = kept["runId"], kept["round"], kept["epoch"]
            return float(kept["elapsed"]) if place == (self.run_id, round, epoch) else 0.0
        except (StoreError, ValueError, KeyError, TypeError):
            return 0.0
