"""Metrics of conditions: the ways in which trainings stand still. Labels are types of conditions, never names."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fedtrain.rounds.decision import FINISHED
from fedtrain_operator.coordinator.heartbeat import Heartbeats
from fedtrain_operator.kube.cache import Cache

CONDITIONS = (
    "Accepted",
    "TasksAccepted",
    "StoreReachable",
    "Schedulable",
    "Startable",
    "ParticipantsSeen",
    "MinimumMet",
    "Progressing",
)
"""Conditions that are False while something blocks a training. A run that has ended keeps its last ones."""


class ConditionMetrics(Collector):
    """Prometheus asks in a thread of its own, while the event loop changes the caches."""

    def __init__(self, trainings: Cache, heartbeats: Heartbeats) -> None:
        self._trainings = trainings
        self._heartbeats = heartbeats

    def collect(self) -> Iterator[Metric]:
        counts = Counter(
            condition["type"]
            for body in self._trainings.all()
            if body.get("status", {}).get("phase") not in FINISHED
            for condition in body.get("status", {}).get("conditions", ())
            if condition["status"] == "False"
        )
        false = GaugeMetricFamily(
            "fedtrain_trainings_condition_false",
            "Trainings whose run has not ended, by condition that is False.",
            labels=["condition"],
        )
        for name in CONDITIONS:
            false.add_metric([name], counts[name])
        yield false
        yield GaugeMetricFamily(
            "fedtrain_silent_participants",
            "Participants whose heartbeats are missing.",
            value=self._heartbeats.count_silent(),
        )
