"""What Prometheus and the logs are told."""

import json
import logging
from typing import Any

from fedtrain_operator.coordinator.metrics import RoundMetrics
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.logs import JsonLines
from fedtrain_operator.kube.metrics import Phases
from prometheus_client import CollectorRegistry, generate_latest


def body(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "hub", "uid": name, "resourceVersion": "1"}, "status": status}


def told(*collectors: Any) -> list[str]:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry).decode().splitlines()


def test_objects_are_counted_by_phase_and_those_without_one_are_pending() -> None:
    cache = Cache()
    for found in (body("a", phase="Training"), body("b", phase="Training"), body("c")):
        cache.put(found)
    lines = told(Phases({"FederatedTraining": cache}))
    assert 'fedtrain_objects_by_phase{kind="FederatedTraining",phase="Training"} 2.0' in lines
    assert 'fedtrain_objects_by_phase{kind="FederatedTraining",phase="Pending"} 1.0' in lines


def test_rounds_are_counted_by_outcome_with_their_seconds_and_bytes() -> None:
    measures = RoundMetrics()
    measures.recorded("Committed", 120.0, 1000)
    measures.recorded("Committed", 60.0, 500)
    measures.recorded("Skipped", 10.0, 0)
    measures.failed("BelowMinimum")
    lines = told(*measures.collectors)
    assert 'fedtrain_rounds_total{outcome="Committed"} 2.0' in lines
    assert "fedtrain_round_seconds_sum 190.0" in lines
    assert "fedtrain_update_bytes_total 1500.0" in lines
    assert 'fedtrain_failures_total{reason="BelowMinimum"} 1.0' in lines


def test_a_line_of_the_log_says_what_it_is_about_and_nothing_that_it_does_not_know() -> None:
    about = {"training": "hub/tickets", "participant": "bank-a", "round": 0, "attempt": None}
    record = logging.makeLogRecord({"name": "fedtrain", "levelno": 20, "levelname": "INFO", "msg": "é: %s", **about})
    record.args = ("done",)
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["level"], line["round"]) == ("é: done", "info", 0)
    assert line["training"] == "hub/tickets"
    assert "attempt" not in line
    assert "task" not in line
