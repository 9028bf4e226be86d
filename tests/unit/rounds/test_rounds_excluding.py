"""A person excludes a participant from the current round, which is then redone without it."""

import pytest
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Close, Exclusion, Run
from fedtrain.contracts.run_end import Failure
from fedtrain.ledger.exclude import CannotExclude, exclude

WHY = "excluded by ada: its update is 1e38 everywhere"


def a_world(**changes: object) -> tuple[World, Coordinator]:
    world = World(a_spec(3, **changes))  # pyright: ignore[reportArgumentType]
    return world, Coordinator(world)


def exclusion(who: str = "b", round: int = 1) -> Exclusion:
    reason = "its update is 1e38 everywhere"
    return Exclusion(run_id="run-1", round=round, participant=who, reason=reason, decided_by="ada")


def run_of(world: World) -> Run:
    spec = world.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return Run(run_id="run-1", namespace="default", name="demo", spec=spec)


def excluded(world: World, who: str = "b", round: int = 1) -> Exclusion:
    return exclude(world.open(), run_of(world), exclusion(who, round))


def close_of(world: World, round: int, k: int) -> Close:
    close = world.open().read(names.close(round, k), Close)
    assert close is not None
    return close


def test_a_participant_that_is_excluded_while_it_trains_is_cancelled_and_left_out_of_the_close():
    world, coordinator = a_world(minimum=2)
    coordinator.until("Training")
    excluded(world)
    coordinator.step()
    assert [key.who for key in coordinator.running()] == ["a", "c"]
    coordinator.drive()
    close = close_of(world, 1, 1)
    assert [update.participant for update in close.updates] == ["a", "c"]
    assert [(absent.participant, absent.reason) for absent in close.absent] == [("b", WHY)]
    assert close.exclusions == {"b": digest_of(exclusion())}


def test_a_round_that_is_closed_is_closed_again_without_the_participant():
    world, coordinator = a_world(minimum=2)
    coordinator.until("Aggregating")
    excluded(world)
    assert coordinator.drive().phase == "Succeeded"
    before, after = close_of(world, 1, 1), close_of(world, 1, 2)
    assert after.updates == tuple(update for update in before.updates if update.participant != "b")
    assert after.exclusions == {"b": digest_of(exclusion())}
    first, second = world.manifests()[1:]
    assert (first.k, [absent.participant for absent in first.absent]) == (2, ["b"])
    assert (second.k, second.absent) == (1, ())
    assert close_of(world, 2, 1).exclusions is None


def test_a_round_whose_aggregate_cannot_be_evaluated_continues_without_the_participant():
    world, coordinator = a_world(minimum=2, hub=True)
    coordinator.until("Planning")
    coordinator.until("Evaluating")
    (evaluation,) = coordinator.running()
    coordinator.lose(evaluation, retryable=False, reason="the loss is not finite")
    assert coordinator.drive().phase == "Failed"
    excluded(world)
    coordinator.go_on()
    assert coordinator.drive().phase == "Succeeded"
    first = world.manifests()[1]
    assert (first.k, [absent.reason for absent in first.absent]) == (2, [WHY])
    assert close_of(world, 1, 2).epoch == 2


def test_an_exclusion_below_the_minimum_fails_the_run_with_the_reason():
    world, coordinator = a_world(minimum=3)
    coordinator.until("Aggregating")
    excluded(world)
    assert coordinator.drive().phase == "Failed"
    failure = world.open().read(names.failure(1), Failure)
    assert failure is not None
    assert failure.reason == "BelowMinimum"
    assert WHY in failure.message


def test_two_coordinators_redo_a_round_alike():
    world, first = a_world(minimum=2)
    first.until("Aggregating")
    second = Coordinator(world)
    second.look()
    excluded(world)
    first.step()
    second.act()
    assert second.drive().phase == "Succeeded"
    assert [update.participant for update in close_of(world, 1, 2).updates] == ["a", "c"]
    assert world.open().read(names.close(1, 3), Close) is None


def test_the_first_exclusion_of_a_participant_stands():
    world, coordinator = a_world()
    coordinator.until("Training")
    excluded(world)
    again = exclusion().model_copy(update={"decided_by": "bob"})
    assert exclude(world.open(), run_of(world), again).decided_by == "ada"


@pytest.mark.parametrize(
    ("who", "round", "words"),
    [
        (
            "b",
            1,
            "Round 1 of demo is already recorded and cannot be changed(.|\n)* b can only be left out of a new run, and "
            "then of all its rounds:\n  1. `fedtrain init --from .* --round 0` writes FILE.*\n  2. In FILE, delete b "
            "from `participants`, and the ParticipantPolicy of b.\n  3. Start the new run: `fedtrain run FILE`",
        ),
        ("b", 3, "Round 3 of demo has not begun. Set --round to the current round"),
        ("b", 4, r"demo has no round 4 \(rounds.count is 3\). Correct --round"),
        ("z", 2, "'z' is not a participant of demo. Use one of `a`, `b`, `c`"),
    ],
)
def test_what_cannot_be_redone_is_refused(who: str, round: int, words: str):
    world, coordinator = a_world(rounds=3)
    coordinator.until("Aggregating")
    coordinator.until("Training")
    with pytest.raises(CannotExclude, match=words):
        excluded(world, who, round)
    assert not world.open().names(f"rounds/{round:04d}/exclusions/")


def test_nothing_is_written_into_a_run_that_has_ended():
    world, coordinator = a_world()
    assert coordinator.drive().phase == "Succeeded"
    with pytest.raises(CannotExclude, match=r"demo has ended(.|\n)*Start a run without b"):
        excluded(world, round=3)
    assert not world.open().names("rounds/0003/")
