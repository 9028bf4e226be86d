"""Metrics of a participant: tasks that wait, and its connection to the hub."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

import kopf
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fedtrain.manifests.settings import Hub
from fedtrain.manifests.token_claims import expires_at, issued_at
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import current_token
from fedtrain_operator.participant.participant_reconciler import Records


class ParticipantMetrics(Collector):
    """Prometheus asks in a thread of its own, while the event loop changes the caches. `hub`: None in the hub's
    cluster; `cluster`: the client of the hub's API server."""

    def __init__(
        self,
        tasks: Cache,
        records: Records,
        hub: Hub | None,
        cluster: Cluster,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = tasks
        self._records = records
        self._hub = hub
        self._cluster = cluster
        self._clock = clock
        self._steady = steady

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("fedtrain_tasks_waiting", "Tasks that cannot start, by reason.", labels=["reason"])
        for reason, count in Counter(map(_why, self._tasks.all())).items():
            if reason:
                waiting.add_metric([reason], count)
        yield waiting
        if self._hub is None:
            return
        yield GaugeMetricFamily(
            "fedtrain_hub_contact_age_seconds",
            "Seconds since the hub has accepted a heartbeat, or since the start.",
            value=self._steady() - self._records.accepted_at,
        )
        yield CounterMetricFamily(
            "fedtrain_hub_requests",
            "Requests to the hub's API server, without watches.",
            value=self._cluster.request_count,
        )
        try:
            token = current_token(self._hub)
        except kopf.LoginError:
            return
        left, life = expires_at(token) - self._clock(), expires_at(token) - issued_at(token)
        if life <= 0:  # one that does not expire
            return
        yield GaugeMetricFamily(
            "fedtrain_hub_token_seconds", "Seconds until the token for the hub expires.", value=left
        )
        yield GaugeMetricFamily(
            "fedtrain_hub_token_life_seconds", "Seconds for which the hub has issued this token.", value=life
        )


def _why(task: dict[str, object]) -> str:
    """The reason why a task waits; empty for others."""
    status = task.get("status")
    if not isinstance(status, dict) or status.get("phase") != "Pending" or not status.get("message"):
        return ""
    return str(status.get("reason", ""))
