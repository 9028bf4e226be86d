"""Metrics of private trainings. Unlike other metrics they name the training: a budget is that of one training."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fedtrain_operator.kube.cache import Cache

_TERMS = ["unit", "delta", "relation", "trust", "accountant"]
_LABELS = ["namespace", "name", *_TERMS]


class PrivacyMetrics(Collector):
    """Prometheus asks in a thread of its own, while the event loop changes the cache."""

    def __init__(self, trainings: Cache) -> None:
        self._trainings = trainings

    def collect(self) -> Iterator[Metric]:
        spent = _family("fedtrain_privacy_epsilon", "that a training has spent")
        budget = _family("fedtrain_privacy_budget_epsilon", "that a training may spend")
        for body in self._trainings.all():
            privacy = body.get("status", {}).get("privacy")
            if privacy is None:
                continue
            metadata: dict[str, Any] = body["metadata"]
            terms = {**privacy, "delta": f"{privacy['delta']:g}"}
            values = [metadata.get("namespace", ""), metadata["name"], *(terms[term] for term in _TERMS)]
            found, _, most = privacy["epsilon"].partition(" of ")
            if most:  # otherwise it is not private, or not known
                spent.add_metric(values, float(found))
                budget.add_metric(values, float(most))
        yield spent
        yield budget


def _family(name: str, what: str) -> GaugeMetricFamily:
    terms = f"It holds under the terms of the labels {', '.join(_TERMS)}"
    text = f"Epsilon {what}. {terms}. A training with a testingSeed is not private and has no value."
    return GaugeMetricFamily(name, text, labels=_LABELS)
