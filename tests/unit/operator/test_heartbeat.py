"""Silence is measured from when the hub saw heartbeats, not by the participants' clocks."""

import asyncio
from typing import cast

from fedtrain_operator.coordinator.connections import LATE_SECONDS, Connections
from fedtrain_operator.coordinator.heartbeat import Heartbeats, participants_seen
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.streams import Streams

from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import Json, Ref
from tests.unit.operator.api_server import ApiServer

MINUTE = 60.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def beat(at: str, **more: object) -> Json:
    return {"lastSeen": f"2001-01-01T{at}Z", **more}


def test_a_participant_is_silent_after_missed_heartbeats() -> None:
    clock = Clock()
    heartbeats = Heartbeats(MINUTE, clock, clock)
    for who in ("bank-a", "bank-b"):
        heartbeats.note(who, beat("00:00:00"))  # its clock is wrong
    clock.now = 1.4 * MINUTE
    assert heartbeats.silent(["bank-a", "bank-b"]) == {}
    heartbeats.note("bank-a", beat("00:01:00"))
    heartbeats.note("bank-b", beat("00:00:00"))  # an event about something else
    clock.now = 2 * MINUTE
    assert heartbeats.silent(["bank-a", "bank-b"]) == {"bank-b": "1970-01-01T00:00:00Z"}, "the hub's time"


def test_the_interval_is_the_one_that_the_participant_reports_up_to_an_hour() -> None:
    clock = Clock()
    heartbeats = Heartbeats(MINUTE, clock, clock)
    heartbeats.note("fast", beat("00:00:00", heartbeatSeconds=35))
    heartbeats.note("slow", beat("00:00:00", heartbeatSeconds=10**9))
    clock.now = 53.0
    assert heartbeats.silent(["fast", "slow"]).keys() == {"fast"}
    clock.now = 1.5 * 3600 + 1
    assert heartbeats.silent(["fast", "slow"]).keys() == {"fast", "slow"}


def test_a_hub_that_has_just_started_reports_no_silence() -> None:
    heartbeats = Heartbeats(MINUTE, Clock(), Clock())
    heartbeats.note("bank-a", beat("00:00:00"))
    assert heartbeats.silent(["bank-a", "unknown"]) == {}
    assert heartbeats.connected("bank-a") is None


def test_a_recreated_participant_starts_from_its_first_heartbeat() -> None:
    clock = Clock()
    heartbeats = Heartbeats(MINUTE, clock, clock)
    heartbeats.note("bank-a", beat("00:00:00"))
    clock.now = 10 * MINUTE
    heartbeats.forget("bank-a")
    heartbeats.note("bank-a", beat("00:00:00"))
    assert heartbeats.silent(["bank-a"]) == {}


def test_the_condition_names_the_participant_and_since_when_it_is_silent() -> None:
    said = participants_seen({"bank-b": "2025-06-01T12:00:00Z"})
    assert (said.status, said.reason) == ("False", "Silent")
    assert said.message.startswith("No heartbeats from bank-b since 2025-06-01T12:00:00Z. Ask the part")
    assert participants_seen({}).status == "True"


class Hub:
    """A coordinator and the Participant bank-b. `after`: seconds until the coordinator looks at it again by itself."""

    def __init__(self) -> None:
        self.server, self.clock = ApiServer(), Clock()
        self.start()
        self.server.add("participants", {"metadata": {"name": "bank-b"}, "spec": {"namespace": "at-bank-b"}})

    def start(self) -> None:
        self.state = ClusterState(self.server, cast(Streams, None), self.clock, self.clock, MINUTE)
        self.connections = Connections(self.state)

    def observe(self, status: Json | None = None) -> Json:
        """The condition after an event of the participant's, with a heartbeat if `status` is given."""
        body = self.server.objects["participants", "", "bank-b"]
        if status is not None:
            body = self.server.add("participants", {**body, "status": {**body.get("status", {}), **status}})
        self.state.participants.put(body)
        self.state.heartbeats.note("bank-b", body.get("status", {}))
        self.after = asyncio.run(self.connections.reconcile(Ref("", "bank-b"))).after
        written = self.server.objects["participants", "", "bank-b"].get("status", {})
        return find(written.get("conditions", ()), "Connected") or {}


def test_a_participant_is_connected_from_its_first_heartbeat_until_one_is_missing() -> None:
    hub = Hub()
    assert hub.observe()["reason"] == "NeverConnected"
    assert hub.observe(beat("00:00:00"))["status"] == "True"
    assert hub.after == 1.5 * MINUTE + LATE_SECONDS
    hub.clock.now += 1.5 * MINUTE + LATE_SECONDS
    lost = hub.observe()
    assert (lost["status"], lost["reason"]) == ("False", "HeartbeatMissing")
    assert "No heartbeat since 1970-01-01T00:00:00Z" in lost["message"]
    assert hub.observe(beat("00:03:00"))["status"] == "True"


def test_a_new_coordinator_keeps_the_condition_until_it_knows_better() -> None:
    hub = Hub()
    hub.observe()
    hub.observe(beat("00:00:00"))
    hub.start()
    assert hub.observe()["status"] == "True"
    hub.clock.now = 2 * MINUTE
    assert hub.observe()["status"] == "False"
    hub.start()
    assert hub.observe()["status"] == "False", "the old heartbeat is not a new one"
    assert hub.observe(beat("00:05:00"))["status"] == "True"


def test_the_condition_is_written_when_it_changes_and_leaves_the_participants_fields() -> None:
    hub = Hub()
    hub.observe()
    hub.observe(beat("00:00:00", version="1"))
    writes = len(hub.server.requests)
    hub.observe(beat("00:00:30"))
    assert len(hub.server.requests) == writes
    assert hub.server.objects["participants", "", "bank-b"]["status"]["version"] == "1"
