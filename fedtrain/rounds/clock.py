"""How long the current round has had: time in which work could proceed. Every coordinator keeps it where it can; time
while none runs does not count, so that a deadline may come late and never early."""

from dataclasses import dataclass


@dataclass
class RoundClock:
    """Seconds of one (round, epoch)."""

    round: int = -1
    epoch: int = 0
    seconds: float = 0.0
    _last: float | None = None
    _sure: float | None = None
    """The seconds when the store answered last."""

    def tick(self, round: int, epoch: int, now: float) -> float:
        """Count the time since the last tick, if it was of the same round. `now`: any steady clock."""
        if (round, epoch) != (self.round, self.epoch):
            self.round, self.epoch, self.seconds, self._last, self._sure = round, epoch, 0.0, now, None
        if self._last is not None:
            self.seconds += now - self._last
        self._last = now
        return self.seconds

    def answered(self, now: float) -> None:
        """The store has: what has been counted stands. How long it took to answer does not count."""
        self._last, self._sure = now, self.seconds

    def pause(self) -> None:
        """The time until the next tick does not count."""
        self._last = None

    def out(self) -> None:
        """The store does not answer: no time counts since it did last, nor until the next tick."""
        if self._sure is not None:
            self.seconds = self._sure
        self._last = None
