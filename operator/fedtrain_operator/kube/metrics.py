"""Metrics of the operator, collected from loops and caches when Prometheus asks, in a thread of its own."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.loops import Loops


class OperatorMetrics(Collector):
    """Passes, failures and delays by controller; writes to the API."""

    def __init__(self, cluster: Cluster, loops: Mapping[str, Loops]) -> None:
        self._cluster = cluster
        self._loops = loops

    def collect(self) -> Iterator[Metric]:
        passes = CounterMetricFamily("fedtrain_reconciles", "Passes over an object.", labels=["controller"])
        failures = CounterMetricFamily("fedtrain_reconcile_failures", "Passes that failed.", labels=["controller"])
        seconds = CounterMetricFamily("fedtrain_reconcile_seconds", "Seconds in passes.", labels=["controller"])
        overdue = GaugeMetricFamily(
            "fedtrain_reconcile_overdue_seconds", "Age of the oldest pass that is due.", labels=["controller"]
        )
        known = GaugeMetricFamily("fedtrain_objects", "Objects that are reconciled.", labels=["controller"])
        looked = GaugeMetricFamily(
            "fedtrain_objects_reconciled", "Objects that had a pass since this process began.", labels=["controller"]
        )
        for name, loops in self._loops.items():
            objects, passed = loops.objects()
            known.add_metric([name], objects)
            looked.add_metric([name], passed)
            passes.add_metric([name], loops.passes)
            failures.add_metric([name], loops.failures)
            seconds.add_metric([name], loops.seconds)
            overdue.add_metric([name], loops.overdue())
        writes = CounterMetricFamily("fedtrain_api_writes", "Writes to the Kubernetes API.", value=self._cluster.writes)
        yield from (passes, failures, seconds, overdue, known, looked, writes)


class Phases(Collector):
    """Cached objects by kind and phase."""

    def __init__(self, caches: Mapping[str, Cache]) -> None:
        self._caches = caches

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("fedtrain_objects_by_phase", "Objects by phase.", labels=["kind", "phase"])
        for kind, cache in self._caches.items():
            phases = Counter(body.get("status", {}).get("phase") or "Pending" for body in cache.all())
            for phase, count in phases.items():
                family.add_metric([kind, phase], count)
        yield family


def serve(port: int, collectors: Iterable[Collector]) -> None:
    """Serves `/metrics` on this port, unless it is 0."""
    if port:
        registry = CollectorRegistry(auto_describe=False)
        for collector in collectors:
            registry.register(collector)
        start_http_server(port, registry=registry)
