"""Metrics of rounds and trainings. Their labels are outcomes and reasons: names of trainings would be unbounded."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, get_args

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fedtrain.contracts.records import Manifest
from fedtrain.manifests.kinds import Ref
from fedtrain_operator.coordinator.progress import Progress, oldest
from fedtrain_operator.coordinator.refusals import Refusals

MINUTE, HOUR = 60, 3600
_ROUND_BUCKETS = (10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR)


class RoundMetrics:
    """Counts since this process began. A round that ends while no coordinator runs is counted by the next one."""

    def __init__(self) -> None:
        self._rounds = Counter("fedtrain_rounds", "Rounds recorded.", ["outcome"], registry=None)
        for outcome in get_args(Manifest.model_fields["outcome"].annotation):
            self._rounds.labels(outcome)  # increase() misses the first of a series that begins at 1
        self._seconds = Histogram(
            "fedtrain_round_seconds",
            "Time per round in which its work could proceed.",
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


class _Training(Protocol):
    progress: Progress
    refusals: Refusals


class TrainingMetrics(Collector):
    """Trainings without progress, and participants that the API server refuses. Prometheus asks in a thread of its
    own, while the event loop changes `trainings`."""

    def __init__(self, trainings: Mapping[Ref, _Training], steady: Callable[[], float] = time.monotonic) -> None:
        self._trainings = trainings
        self._steady = steady

    def collect(self) -> Iterator[Metric]:
        trainings = list(self._trainings.values())
        yield GaugeMetricFamily(
            "fedtrain_training_no_progress_seconds",
            "Seconds since the newest progress of the training that has made none for the longest time.",
            value=oldest((one.progress for one in trainings), self._steady()),
        )
        yield GaugeMetricFamily(
            "fedtrain_refused_participants",
            "Participants of trainings whose objects the API server refuses.",
            value=sum(one.refusals.count() for one in trainings),
        )
