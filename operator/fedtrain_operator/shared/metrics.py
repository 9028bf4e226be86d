"""What Prometheus is told. Collected from the loops when it asks; nothing is counted twice."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fedtrain_operator.shared.cluster import Cluster
from fedtrain_operator.shared.loops import Loops


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
            "fedtrain_reconcile_overdue_seconds", "Age of the pass that is due the longest.", labels=["controller"]
        )
        for name, loops in self._loops.items():
            passes.add_metric([name], loops.passes)
            failures.add_metric([name], loops.failures)
            seconds.add_metric([name], loops.seconds)
            overdue.add_metric([name], loops.overdue())
        writes = CounterMetricFamily("fedtrain_api_writes", "Writes to the Kubernetes API.", value=self._cluster.writes)
        yield from (passes, failures, seconds, overdue, writes)


def serve(port: int, cluster: Cluster, loops: Mapping[str, Loops]) -> None:
    """On `/metrics` of this port; 0 serves nothing."""
    if port:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(OperatorMetrics(cluster, loops))
        start_http_server(port, registry=registry)
