"""Participants whose heartbeats are missing: the next plan leaves them out, a round that has begun waits."""

import pytest
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.records import Absent, Plan
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.rounds.lost_participants_message import lost_participants_message
from fedtrain.rounds.row_shares import percent
from fedtrain.rounds.unreachable import SILENT, UNASKED

SINCE = "2025-06-01T12:00:00Z"


def plan(world: World, round: int) -> Plan:
    found = world.ledger.read(names.plan(round), Plan)
    assert found is not None
    return found


def members(world: World, round: int) -> list[str]:
    return [member.participant for member in plan(world, round).members]


def end(world: World) -> End:
    found = world.ledger.read(names.END, End)
    assert found is not None
    return found


def test_a_silent_participant_is_left_out_of_the_next_plan_keeps_its_position_and_returns() -> None:
    world = World(a_spec(3, rounds=4, minimum=2))
    coordinator = Coordinator(world)
    coordinator.until("Closing")
    coordinator.silent = {"b": SINCE}
    coordinator.until("Closing")
    coordinator.silent = {}
    assert coordinator.drive().phase == "Succeeded"
    assert [members(world, round) for round in (1, 2, 3)] == [["a", "b", "c"], ["a", "c"], ["a", "b", "c"]]
    assert plan(world, 2).absent == (Absent(participant="b", reason=SILENT, code="Silent"),)
    assert plan(world, 2).positions["b"] == plan(world, 1).positions["b"]
    assert end(world).message is None, "it was part of the last round"


def test_a_revoked_participant_is_left_out_of_the_next_plan_with_its_own_reason() -> None:
    world = World(a_spec(3, rounds=2, minimum=2))
    coordinator = Coordinator(world)
    coordinator.until("Closing")
    coordinator.silent, coordinator.unasked = {"b": SINCE}, {"b": f"{UNASKED} does not exist"}
    assert coordinator.drive().phase == "Succeeded"
    assert members(world, 2) == ["a", "c"]
    assert plan(world, 2).absent == (Absent(participant="b", reason=f"{UNASKED} does not exist", code="NotAllowed"),)


def test_a_participant_that_is_revoked_while_it_trains_is_not_asked_again() -> None:
    world = World(a_spec(2, rounds=1, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.unasked = {"b": f"{UNASKED} does not exist"}
    coordinator.finish(next(key for key in coordinator.running() if key.who == "a"))
    coordinator.wait(100)
    assert coordinator.drive().phase == "Succeeded"
    (absent,) = world.manifests()[-1].absent
    assert absent.reason == f"it sent no update before the deadline of 100s, and {UNASKED} does not exist"
    assert absent.code == "NotAllowed"


@pytest.mark.parametrize("silent", ["b", "abc"])
def test_all_are_planned_where_the_others_would_be_fewer_than_the_minimum(silent: str) -> None:
    world = World(a_spec(3, rounds=2, minimum=3))
    coordinator = Coordinator(world, silent=dict.fromkeys(silent, SINCE))
    assert coordinator.drive().phase == "Succeeded"
    assert members(world, 1) == ["a", "b", "c"]


def test_a_round_that_has_begun_waits_for_a_silent_participant_until_the_deadline() -> None:
    world = World(a_spec(2, rounds=1, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.silent = {"b": SINCE}
    coordinator.finish(next(key for key in coordinator.running() if key.who == "a"))
    waiting = coordinator.step()
    assert (waiting.phase, waiting.message) == ("Training", f"1 of 2 updates; no heartbeats from b since {SINCE}")
    coordinator.wait(100)
    assert coordinator.drive().phase == "Succeeded"
    (absent,) = world.manifests()[-1].absent
    assert absent.reason == f"it sent no update before the deadline of 100s, and {SILENT}"
    assert absent.code == "Silent"


def test_an_update_that_arrives_while_its_participant_is_silent_counts() -> None:
    world = World(a_spec(2, rounds=1, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.silent = {"b": SINCE}
    assert coordinator.drive().phase == "Succeeded"
    assert world.manifests()[-1].absent == ()


def test_a_run_that_lost_its_largest_participant_says_so_in_its_final_message() -> None:
    world = World(a_spec(3, rounds=2, minimum=1), {"a": 10, "b": 70, "c": 20})
    coordinator = Coordinator(world)
    coordinator.until("Closing")
    coordinator.silent = {"b": SINCE, "c": SINCE}
    ended = coordinator.drive()
    assert ended.message == end(world).message
    assert ended.message == (
        "the adapter is complete and can be used, but its last round (2) has no update from b (70% of all "
        f"participants' rows, the largest share): {SILENT}; c (20% of all participants' rows): {SILENT}. To train on "
        "all rows again, correct this, and start a training with another `metadata.name` and this adapter as "
        "`model.adapter.initialFrom`"
    )


def test_the_final_message_of_smaller_losses_gives_shares_alone() -> None:
    def counted(samples: int, who: str) -> Preflight:
        fingerprint = "blake3:" + "0" * 64
        return Preflight(
            run_id="run-1", participant=who, samples=samples, validation_samples=0, fingerprint=fingerprint
        )

    preflights = {"a": counted(996, "a"), "b": counted(4, "b")}
    missing = [Absent(participant="b", reason="b's pod failed"), Absent(participant="new", reason="it is late")]
    message = lost_participants_message(missing, 3, preflights)
    assert message is not None
    lost = "b (<1% of all participants' rows): its pod failed; new (rows unknown): it is late. "
    assert f"its last round (3) has no update from {lost}" in message
    assert lost_participants_message([], 3, preflights) is None
    assert (percent(0.0), percent(1.0)) == ("0%", "100%")
