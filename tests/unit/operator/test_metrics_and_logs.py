"""What Prometheus and the logs are told."""

import asyncio
import base64
import json
import logging
from pathlib import Path
from typing import Any

from fedtrain_operator.coordinator.condition_metrics import ConditionMetrics
from fedtrain_operator.coordinator.heartbeat import Heartbeats
from fedtrain_operator.coordinator.metrics import RoundMetrics
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.logs import JsonLines
from fedtrain_operator.kube.metrics import Phases
from fedtrain_operator.participant.metrics import ParticipantMetrics
from fedtrain_operator.participant.participant_reconciler import Records
from prometheus_client import CollectorRegistry, generate_latest

from fedtrain.manifests.kinds import Ref
from fedtrain.manifests.settings import Hub
from tests.unit.operator.federation import Time
from tests.unit.operator.test_participant_sites import HUB, Remote


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


def test_trainings_are_counted_by_the_condition_that_blocks_them_and_participants_that_are_silent() -> None:
    cache, time = Cache(), Time()
    blocked = [{"type": "StoreReachable", "status": "False"}, {"type": "Schedulable", "status": "True"}]
    for found in (body("a", conditions=blocked), body("b", conditions=blocked), body("c")):
        cache.put(found)
    heartbeats = Heartbeats(60.0, time, time)
    heartbeats.note("bank-a", {"lastSeen": "1"})
    time.now += 100
    lines = told(ConditionMetrics(cache, heartbeats))
    assert 'fedtrain_trainings_condition_false{condition="StoreReachable"} 2.0' in lines
    assert 'fedtrain_trainings_condition_false{condition="Schedulable"} 0.0' in lines
    assert "fedtrain_silent_participants 1.0" in lines


def test_a_participant_counts_waiting_tasks_by_reason_and_the_age_of_its_contact_to_the_hub(tmp_path: Path) -> None:
    remote, time = Remote(), Time()
    remote.tasks.tasks.put(body("a", phase="Pending", reason="HeldByPolicy", message="suspended") | {"spec": {}})
    remote.tasks.tasks.put(body("b", phase="Pending", reason="Starting", message="") | {"spec": {}})
    records = Records(remote.sites, remote.tasks.policies, remote.tasks.jobs, version="1", heartbeat=35, steady=time)
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 0, "exp": 1600}).encode()).decode()
    (tmp_path / "token").write_text(f"e30.{claims}.e30")
    hub = Hub(server="https://hub", namespace="at-bank-b", participant="bank-b", credentials=str(tmp_path))
    time.now += 40
    metrics = ParticipantMetrics(remote.tasks.tasks, records, hub, remote.hub, clock=lambda: 1000.0, steady=time)
    lines = [line for line in told(metrics) if not line.startswith("#")]
    assert lines == [
        'fedtrain_tasks_waiting{reason="HeldByPolicy"} 1.0',
        "fedtrain_hub_contact_age_seconds 40.0",
        "fedtrain_hub_requests_total 0.0",
        "fedtrain_hub_token_seconds 600.0",
        "fedtrain_hub_token_life_seconds 1600.0",
    ]
    asyncio.run(records.reconcile(Ref("", "bank-b")))
    assert "fedtrain_hub_contact_age_seconds 40.0" in told(metrics), "the hub has no such Participant"
    remote.hub.add("participants", {"metadata": {"name": "bank-b"}, "spec": {"namespace": HUB}})
    asyncio.run(records.reconcile(Ref("", "bank-b")))
    assert "fedtrain_hub_contact_age_seconds 0.0" in told(metrics)
    (tmp_path / "token").write_text("of a Secret, and without an end")
    assert not [line for line in told(metrics) if "hub_token" in line], "no alert fires"
