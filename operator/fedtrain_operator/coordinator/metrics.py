"""What Prometheus is told of rounds. By outcome and reason alone: names of trainings would be labels without bound."""

from prometheus_client import Counter, Histogram
from prometheus_client.registry import Collector

MINUTE, HOUR = 60, 3600
_ROUND_BUCKETS = (10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR)


class RoundMetrics:
    """Counts since this process began; a round that ends while no coordinator runs is counted by the next one."""

    def __init__(self) -> None:
        self._rounds = Counter("fedtrain_rounds", "Rounds recorded.", ["outcome"], registry=None)
        self._seconds = Histogram(
            "fedtrain_round_seconds",
            "Of a round, the time in which its work could go on.",
            buckets=_ROUND_BUCKETS,
            registry=None,
        )
        self._bytes = Counter("fedtrain_update_bytes", "Bytes of updates in recorded rounds.", registry=None)
        self._failures = Counter("fedtrain_failures", "Runs that failed.", ["reason"], registry=None)

    @property
    def collectors(self) -> tuple[Collector, ...]:
        return self._rounds, self._seconds, self._bytes, self._failures

    def recorded(self, outcome: str, seconds: float, update_bytes: int) -> None:
        self._rounds.labels(outcome).inc()
        self._seconds.observe(seconds)
        self._bytes.inc(update_bytes)

    def failed(self, reason: str) -> None:
        self._failures.labels(reason).inc()
