"""Every alert of both charts fires after the event that it is about, and not before, with the metrics that the operator
exports. The event is the first since the operator's start."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fedtrain_operator import main
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.loops import Loops
from fedtrain_operator.participant.participant_reconciler import Records
from fedtrain_operator.participant.task_reconciler import Tasks
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from fedtrain.manifests.kinds import Ref
from fedtrain.manifests.settings import Hub, Settings
from hack.cluster.api import Json
from tests.controlplane.both_charts import everything
from tests.support.promql import Scrape, fires

HOUR, DAY = 3600.0, 86400.0


@dataclass
class Parts:
    """What `main.build` has made of one operator. `token`: the file with that for the hub."""

    token: Path
    collectors: list[Collector] = field(default_factory=list[Collector])
    loops: dict[str, Loops] = field(default_factory=dict[str, Loops])
    state: ClusterState | None = None
    tasks: Tasks | None = None
    records: Records | None = None

    def scrape(self) -> Scrape:
        registry = CollectorRegistry()
        for collector in self.collectors:
            registry.register(collector)
        samples = [sample for family in registry.collect() for sample in family.samples]
        return {(one.name, frozenset(one.labels.items())): one.value for one in samples}

    def trainings(self, status: Json) -> None:
        """The status of the only training, as the watch brings it."""
        assert self.state is not None
        metadata = {"name": "tickets", "namespace": "hub", "uid": "uid", "resourceVersion": "1"}
        self.state.trainings.put({"metadata": metadata, "status": status})

    def task(self, reason: str) -> None:
        assert self.tasks is not None
        metadata = {"name": "inspect", "namespace": "bank", "uid": "uid", "resourceVersion": "1"}
        self.tasks.tasks.put(
            {"metadata": metadata, "spec": {}, "status": {"phase": "Pending", "reason": reason, "message": "waits"}}
        )

    def issue(self, issued: float, expires: float) -> None:
        """A token for the hub, with seconds from now."""
        claims = json.dumps({"iat": time.time() + issued, "exp": time.time() + expires})
        self.token.write_text(f"e30.{base64.urlsafe_b64encode(claims.encode()).decode()}.e30")


def condition(name: str) -> Callable[[Parts], None]:
    return lambda parts: parts.trainings({"phase": "Training", "conditions": [{"type": name, "status": "False"}]})


def phase(name: str) -> Callable[[Parts], None]:
    return lambda parts: parts.trainings({"phase": name})


def no_progress(parts: Parts) -> None:
    assert parts.state is not None
    memory = parts.state.memory(Ref("hub", "tickets"), {"metadata": {"uid": "uid"}})
    memory.progress.steady = parts.state.steady() - 30 * DAY


def silence(parts: Parts) -> None:
    assert parts.state is not None
    parts.state.heartbeats.note("bank-a", {"lastSeen": "1"})
    parts.state.heartbeats.steady = lambda: time.monotonic() + DAY


def overdue(parts: Parts) -> None:
    for loops in parts.loops.values():
        loops.overdue = lambda: HOUR


def failing(parts: Parts) -> None:
    for loops in parts.loops.values():
        loops.failures += 4


def no_contact(parts: Parts) -> None:
    assert parts.records is not None
    parts.records.accepted_at -= HOUR


COMMON: dict[str, Callable[[Parts], None]] = {
    "FedtrainOperatorStuck": overdue,
    "FedtrainOperatorFailing": failing,
    "FedtrainOperatorAbsent": lambda parts: parts.collectors.clear(),
}
EVENTS: dict[str, dict[str, Callable[[Parts], None]]] = {
    "fedtrain": COMMON
    | {
        "FedtrainTrainingWithoutProgress": no_progress,
        "FedtrainTrainingNotAccepted": condition("Accepted"),
        "FedtrainStoreUnreachable": condition("StoreReachable"),
        "FedtrainTasksRefused": condition("TasksAccepted"),
        "FedtrainPodsUnschedulable": condition("Schedulable"),
        "FedtrainPodsNotStarting": condition("Startable"),
        "FedtrainParticipantSilent": silence,
        "FedtrainMinimumNotMet": condition("MinimumMet"),
        "FedtrainRunFailed": phase("Failed"),
        "FedtrainTrainingSuspended": phase("Suspended"),
    },
    "fedtrain-participant": COMMON
    | {
        "FedtrainHubUnreachable": no_contact,
        "FedtrainHubTokenExpires": lambda parts: parts.issue(-9 * DAY, DAY),
        "FedtrainTasksHeldByPolicy": lambda parts: parts.task("HeldByPolicy"),
        "FedtrainTasksNotStarting": lambda parts: parts.task("Unschedulable"),
    },
}


@cache
def alerts(chart: str) -> dict[str, str]:
    (rule,) = [body for body in everything(chart) if body["kind"] == "PrometheusRule"]
    return {one["alert"]: one["expr"] for one in rule["spec"]["groups"][0]["rules"]}


@pytest.fixture
def parts(chart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """An operator that has just started, as the chart runs it."""
    made = Parts(tmp_path / "token")
    made.issue(0, 10 * DAY)

    def coordinator(state: ClusterState, *_: Any) -> None:
        made.state = state

    def participant(registry: object, sites: object, streams: object, tasks: Tasks, records: Records, *_: Any) -> None:
        made.tasks, made.records = tasks, records

    def housekeeping(*given: Any) -> None:
        *_, loops, collectors = given
        made.loops, made.collectors = loops, list(collectors)

    monkeypatch.setattr(main.coordinator_handlers, "register", coordinator)
    monkeypatch.setattr(main.participant_handlers, "register", participant)
    monkeypatch.setattr(main, "_housekeeping", housekeeping)
    hub = Hub(server="https://hub", namespace="bank", participant="bank-b", credentials=str(tmp_path))
    settings = Settings(trainer_image="trainer", hub_image="hub")
    own = Settings(
        trainer_image="trainer", hub_image="hub", controllers=("participant",), namespaces=("bank",), hub=hub
    )
    main.build(own if chart == "fedtrain-participant" else settings)
    return made


@pytest.mark.parametrize("chart", EVENTS)
def test_every_alert_has_an_event_here(chart: str) -> None:
    assert set(alerts(chart)) == set(EVENTS[chart])


@pytest.mark.parametrize(("chart", "alert"), [(chart, alert) for chart, events in EVENTS.items() for alert in events])
def test_an_alert_fires_at_the_first_event_after_the_start(chart: str, alert: str, parts: Parts) -> None:
    expression, before = alerts(chart)[alert], parts.scrape()
    assert not fires(expression, before, before)
    EVENTS[chart][alert](parts)
    after = parts.scrape()
    assert fires(expression, before, after)
    assert [name for name, other in alerts(chart).items() if fires(other, before, after)] == [alert]


@pytest.mark.parametrize("chart", ["fedtrain"])
@pytest.mark.parametrize("ended", ["Succeeded", "Halted"])
def test_a_run_that_has_ended_fires_no_alert(ended: str, parts: Parts) -> None:
    parts.trainings({"phase": ended, "conditions": [{"type": "MinimumMet", "status": "False"}]})
    scrape = parts.scrape()
    assert [name for name, expression in alerts("fedtrain").items() if fires(expression, scrape, scrape)] == []
