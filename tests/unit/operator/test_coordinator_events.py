"""What wakes the passes of trainings and of participants: changes of Participants, tasks and Jobs, not heartbeats."""

from collections.abc import Callable
from typing import cast

import pytest
from fedtrain_operator.coordinator.handlers import register
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.loops import Loops
from fedtrain_operator.kube.streams import Streams

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import JOB, PARTICIPANT, TASK, Json, Kind, Ref
from tests.unit.operator.api_server import ApiServer
from tests.unit.operator.federation import Time

CONNECTED = [{"type": "Connected", "status": "True"}]
SILENT = [{"type": "Connected", "status": "False"}]


class Woken:
    """Loops that only note what wakes them."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def wake(self, ref: Ref) -> None:
        self.names.append(ref.name)


class Coordinator:
    """Its handlers, beside a training of bank-b and one without it."""

    def __init__(self) -> None:
        self.trainings, self.connections, time = Woken(), Woken(), Time()
        self.handlers: dict[Kind, Callable[[Json], None]] = {}
        self.state = ClusterState(ApiServer(), cast(Streams, self), time, time)
        register(self.state, cast(Loops, self.trainings), cast(Loops, self.connections))
        for name, who in (("tickets", "bank-b"), ("letters", "bank-c")):
            metadata = {"name": name, "namespace": "hub", "uid": name, "resourceVersion": "1"}
            self.state.trainings.put({"metadata": metadata, "spec": {"participants": [{"name": who}]}})
        self.version = 0

    def follow(self, kind: Kind, cache: Cache, handler: Callable[[Json], None]) -> None:
        self.handlers[kind] = handler

    def see(self, event: str, spec: Json | None = None, answered: bool = False, **status: object) -> None:
        """An event about the Participant bank-b. `answered`: the answer to a read or write has brought it before."""
        self.trainings.names, self.connections.names = [], []
        self.version += 1
        metadata = {"name": "bank-b", "uid": "b", "resourceVersion": str(self.version), "generation": 1}
        body = {"metadata": metadata, "spec": {"namespace": "at-bank-b", **(spec or {})}, "status": status}
        if answered:
            self.state.participants.put(body)
        self.handlers[PARTICIPANT]({"type": event, "object": body})

    def see_child(self, kind: Kind, event: str, namespace: str, training: str) -> None:
        """An event about an object with the labels of a training; "": without them."""
        self.trainings.names = []
        self.version += 1
        marks = labels.of_training(Ref("hub", training)) if training else labels.OURS
        metadata = {"name": "one", "namespace": namespace, "uid": "one", "resourceVersion": str(self.version)}
        self.handlers[kind]({"type": event, "object": {"metadata": metadata | {"labels": marks}, "spec": {}}})


@pytest.fixture
def coordinator() -> Coordinator:
    made = Coordinator()
    made.see("ADDED")
    return made


def test_revoking_a_participant_wakes_its_trainings_at_once_and_no_others(coordinator: Coordinator) -> None:
    """So that its requests end within seconds, not with the next resync."""
    coordinator.see("MODIFIED", lastSeen="1", conditions=CONNECTED)
    coordinator.see("DELETED", lastSeen="1", conditions=CONNECTED)
    assert coordinator.trainings.names == ["tickets"]
    assert coordinator.state.participants.get(Ref("", "bank-b")) is None
    coordinator.see("ADDED")
    assert coordinator.trainings.names == ["tickets"], "it was invited again"


def test_heartbeats_wake_no_training_and_what_they_report_does(coordinator: Coordinator) -> None:
    coordinator.see("MODIFIED", lastSeen="1", conditions=CONNECTED)
    coordinator.see("MODIFIED", lastSeen="2", conditions=CONNECTED, running=3)
    assert (coordinator.trainings.names, coordinator.connections.names) == ([], [])
    coordinator.see("MODIFIED", lastSeen="3", conditions=CONNECTED, datasets=[{"name": "tickets"}])
    assert coordinator.trainings.names == ["tickets"]
    coordinator.see("MODIFIED", {"allowedNamespaces": ["other"]}, lastSeen="3", conditions=CONNECTED)
    assert coordinator.trainings.names == ["tickets"]


def test_a_participant_that_falls_silent_or_returns_wakes_its_trainings(coordinator: Coordinator) -> None:
    for conditions in (CONNECTED, SILENT, CONNECTED):
        coordinator.see("MODIFIED", lastSeen="1", conditions=conditions)
        assert coordinator.trainings.names == ["tickets"]
    coordinator.see("MODIFIED", lastSeen="1", conditions=SILENT)
    coordinator.see("MODIFIED", lastSeen="2", conditions=SILENT)
    assert coordinator.connections.names == ["bank-b"], "its next heartbeat makes it connected"


def test_a_silence_that_this_coordinator_has_written_itself_wakes_trainings(coordinator: Coordinator) -> None:
    for conditions in (CONNECTED, SILENT, CONNECTED):
        coordinator.see("MODIFIED", answered=True, lastSeen="1", conditions=conditions)
        assert coordinator.trainings.names == ["tickets"]


@pytest.mark.parametrize("answered", [False, True])
def test_the_first_event_of_a_participant_begins_to_wait_for_its_heartbeats(answered: bool) -> None:
    """Also if a pass over a training has read the participant before."""
    coordinator = Coordinator()
    coordinator.see("ADDED", answered=answered, lastSeen="1", conditions=CONNECTED)
    assert (coordinator.trainings.names, coordinator.connections.names) == (["tickets"], ["bank-b"])


def test_a_task_whose_labels_change_wakes_both_trainings_and_then_the_new_one(coordinator: Coordinator) -> None:
    tasks = coordinator.state.tasks
    coordinator.see_child(TASK, "ADDED", "at-bank-b", "tickets")
    assert coordinator.trainings.names == ["tickets"]
    coordinator.see_child(TASK, "MODIFIED", "at-bank-b", "letters")
    assert sorted(coordinator.trainings.names) == ["letters", "tickets"]
    coordinator.see_child(TASK, "MODIFIED", "at-bank-b", "")
    assert coordinator.trainings.names == ["letters"]
    coordinator.see_child(TASK, "DELETED", "at-bank-b", "")
    assert tasks.all() == []


def test_jobs_in_other_namespaces_than_the_trainings_are_not_its_jobs(coordinator: Coordinator) -> None:
    """Others may create Jobs with its labels in theirs."""
    coordinator.see_child(JOB, "ADDED", "at-bank-b", "tickets")
    assert coordinator.trainings.names == coordinator.state.jobs.all() == []
    coordinator.see_child(JOB, "ADDED", "hub", "tickets")
    assert coordinator.trainings.names == ["tickets"]
    assert len(coordinator.state.jobs.of(Ref("hub", "tickets"))) == 1
