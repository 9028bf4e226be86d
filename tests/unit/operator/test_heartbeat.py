"""Silence is measured from when the hub saw heartbeats, not by the participants' clocks."""

from fedtrain_operator.coordinator.heartbeat import Heartbeats, participants_seen

MINUTE = 60.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_participant_is_silent_after_missed_heartbeats() -> None:
    clock = Clock()
    heartbeats = Heartbeats(clock)
    for who in ("bank-a", "bank-b"):
        heartbeats.note(who, "2001-01-01T00:00:00Z")  # its clock is wrong
    clock.now = 2.5 * MINUTE
    assert heartbeats.silent(["bank-a", "bank-b"], MINUTE) == []
    heartbeats.note("bank-a", "2001-01-01T00:02:30Z")
    heartbeats.note("bank-b", "2001-01-01T00:00:00Z")  # an event about something else
    clock.now = 4 * MINUTE
    assert heartbeats.silent(["bank-a", "bank-b"], MINUTE) == ["bank-b"]


def test_a_hub_that_has_just_started_reports_no_silence() -> None:
    assert Heartbeats(Clock()).silent(["bank-a"], MINUTE) == []


def test_a_recreated_participant_starts_from_its_first_heartbeat() -> None:
    clock = Clock()
    heartbeats = Heartbeats(clock)
    heartbeats.note("bank-a", "2001-01-01T00:00:00Z")
    clock.now = 10 * MINUTE
    heartbeats.forget("bank-a")
    heartbeats.note("bank-a", "2001-01-01T00:00:00Z")
    assert heartbeats.silent(["bank-a"], MINUTE) == []


def test_the_condition_names_the_participant_and_its_last_heartbeat() -> None:
    records = {"bank-b": {"status": {"lastSeen": "2025-06-01T12:00:00Z"}}}
    said = participants_seen(["bank-b"], records)
    assert (said.status, said.reason) == ("False", "Silent")
    assert said.message == "bank-b was last seen at 2025-06-01T12:00:00Z. Check that its operator runs"
    assert participants_seen([], records).status == "True"
