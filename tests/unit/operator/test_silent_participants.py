"""Silence is timed by when the hub saw signs of life, not by what participants' clocks say."""

from fedtrain_operator.coordinator.heartbeat import Heard, seen

MINUTE = 60.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_participant_is_silent_when_its_sign_of_life_stays_the_same_for_long() -> None:
    clock = Clock()
    heard = Heard(clock)
    for who in ("bank-a", "bank-b"):
        heard.note(who, "2001-01-01T00:00:00Z")  # its clock is wrong
    clock.now = 2.5 * MINUTE
    assert heard.silent(["bank-a", "bank-b"], MINUTE) == []
    heard.note("bank-a", "2001-01-01T00:02:30Z")
    heard.note("bank-b", "2001-01-01T00:00:00Z")  # an event about something else
    clock.now = 4 * MINUTE
    assert heard.silent(["bank-a", "bank-b"], MINUTE) == ["bank-b"]


def test_nobody_is_called_silent_by_a_hub_that_has_just_begun() -> None:
    assert Heard(Clock()).silent(["bank-a"], MINUTE) == []


def test_one_that_is_deleted_and_made_anew_is_heard_anew() -> None:
    clock = Clock()
    heard = Heard(clock)
    heard.note("bank-a", "2001-01-01T00:00:00Z")
    clock.now = 10 * MINUTE
    heard.forget("bank-a")
    heard.note("bank-a", "2001-01-01T00:00:00Z")
    assert heard.silent(["bank-a"], MINUTE) == []


def test_the_condition_says_who_and_since_when_in_words_that_stay_the_same() -> None:
    records = {"bank-b": {"status": {"lastSeen": "2025-06-01T12:00:00Z"}}}
    said = seen(["bank-b"], records)
    assert (said.status, said.reason) == ("False", "Silent")
    assert said.message == "bank-b was last seen at 2025-06-01T12:00:00Z: does its operator run?"
    assert seen([], records).status == "True"
