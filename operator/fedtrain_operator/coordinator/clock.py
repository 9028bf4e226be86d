"""How long the current round has had: time in which work could go on. Kept in the training's status; time while no
coordinator runs does not count, so that a deadline may come late and never early."""

from dataclasses import dataclass


@dataclass
class RoundClock:
    """Seconds of one (round, epoch)."""

    round: int = -1
    epoch: int = 0
    seconds: float = 0.0
    _last: float | None = None

    def tick(self, round: int, epoch: int, now: float) -> float:
        """Work could go on since the last tick, if that was of the same round; `now` on any steady clock."""
        if (round, epoch) != (self.round, self.epoch):
            self.round, self.epoch, self.seconds, self._last = round, epoch, 0.0, now
        if self._last is not None:
            self.seconds += now - self._last
        self._last = now
        return self.seconds

    def pause(self) -> None:
        """The time until the next tick does not count."""
        self._last = None
