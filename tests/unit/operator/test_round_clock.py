"""The time of a round: what counts, and what doesn't."""

from fedtrain.rounds.clock import RoundClock


def started() -> RoundClock:
    clock = RoundClock()
    clock.tick(1, 1, 100)
    clock.answered(100)
    return clock


def test_time_between_passes_counts_and_restarts_with_a_round_and_an_epoch() -> None:
    clock = started()
    assert clock.tick(1, 1, 130) == 30
    assert clock.tick(1, 2, 140) == 0
    assert clock.tick(2, 2, 150) == 0
    assert clock.tick(2, 2, 155) == 5


def test_time_that_the_store_takes_to_answer_does_not_count() -> None:
    clock = started()
    clock.tick(1, 1, 110)
    clock.answered(140)
    assert clock.tick(1, 1, 145) == 15


def test_an_outage_counts_from_the_last_answer_not_from_when_it_was_noticed() -> None:
    clock = started()
    clock.tick(1, 1, 110)
    clock.answered(110)
    clock.tick(1, 1, 150)
    clock.out()
    assert clock.tick(1, 1, 500) == 10
    assert clock.tick(1, 1, 503) == 13


def test_what_an_operator_before_has_counted_stands_in_an_outage() -> None:
    clock = RoundClock(1, 1, 60.0)
    clock.out()
    assert clock.tick(1, 1, 1000) == 60
