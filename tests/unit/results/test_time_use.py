"""Where the workers' time went."""

from dataclasses import replace

import pytest

from fedtrain.results.run_summary import RoundSummary, TaskTime
from fedtrain.results.summary import summarise
from fedtrain.results.time_use import time_use
from tests.support.ledger_by_hand import Hand


def first_round(hand: Hand, wall: float, *starting: float) -> dict[str, float]:
    """Round 0, in which each worker has counted data for a second."""
    hand.begin()
    tasks = tuple(TaskTime(f"who-{n}", "Inspect", 1, n, 1.0, starting=took) for n, took in enumerate(starting))
    round = RoundSummary(0, "Initial", 0, wall_seconds=wall, tasks=tasks)
    (found,) = time_use(replace(summarise(hand.ledger), rounds=(round,)))
    return found.seconds


def test_workers_that_start_are_not_idle(hand: Hand) -> None:
    seconds = first_round(hand, 10.0, 7.0, 7.5)
    assert (seconds["starting"], seconds["idle"], seconds["preparing"]) == pytest.approx((14.5, 3.5, 2.0))


def test_a_start_that_began_in_the_round_before_takes_no_more_than_there_is(hand: Hand) -> None:
    seconds = first_round(hand, 4.0, 7.0)
    assert (seconds["starting"], seconds["idle"]) == (3.0, 0.0)


def test_validation_during_the_training_is_measuring(hand: Hand) -> None:
    hand.begin()
    phases = {"training": 5.0, "validating": 2.0, "evaluating": 1.0}
    task = TaskTime("zoo", "Train", 1, 0, 8.0, phases=phases)
    round = RoundSummary(1, "Committed", 0, wall_seconds=8.0, tasks=(task,))
    (found,) = time_use(replace(summarise(hand.ledger), rounds=(round,)))
    assert (found.seconds["training"], found.seconds["measuring"], found.seconds["preparing"]) == (5.0, 3.0, 0.0)
