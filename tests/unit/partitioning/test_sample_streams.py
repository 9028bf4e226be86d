"""The validation split, the passes and their windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.partitioning import distinct, split_indices, window_indices
from fedtrain.partitioning.permutations import permutation, seeded_bytes

populations = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(["bank-a", "bank-b"])


def test_the_worked_example_of_a_permutation_holds() -> None:
    assert permutation(8, "pass", 17, "bank-a", 0).tolist() == [3, 0, 1, 6, 2, 7, 5, 4]


def test_the_worked_example_of_a_window_and_a_split_holds() -> None:
    assert window_indices(5, 17, "bank-a", 3, 9).tolist() == [2, 4, 0, 2, 4, 1, 3, 2, 0]
    train, held_out = split_indices(10, 0.3, 17, "bank-a")
    assert (train.tolist(), held_out.tolist()) == ([2, 4, 5, 6, 7, 8, 9], [0, 1, 3])


def test_fields_are_kept_apart_by_their_lengths() -> None:
    assert seeded_bytes("pass", 1, "1", 1, 8) != seeded_bytes("pass", 11, "", 1, 8)


def test_purpose_seed_participant_and_pass_each_change_the_order() -> None:
    orders = [
        permutation(30, "pass", 1, "a", 0),
        permutation(30, "validation", 1, "a", 0),
        permutation(30, "pass", 2, "a", 0),
        permutation(30, "pass", 1, "b", 0),
        permutation(30, "pass", 1, "a", 1),
    ]
    assert len({tuple(order.tolist()) for order in orders}) == 5


@given(st.integers(0, 300), st.floats(0, 0.99), seeds, names)
def test_a_split_is_disjoint_complete_and_stable(rows: int, fraction: float, seed: int, name: str) -> None:
    train, held_out = split_indices(rows, fraction, seed, name)
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(rows))
    assert train.tolist() == sorted(train.tolist())
    again = split_indices(rows, fraction, seed, name)
    assert np.array_equal(train, again[0])
    assert np.array_equal(held_out, again[1])
    assert len(train) > 0 or rows == 0


@pytest.mark.parametrize(
    ("rows", "fraction", "held_out"),
    [(100, 0.29, 29), (30, 0.1, 3), (5, 0.1, 1), (1, 0.5, 0), (2, 0.99, 1), (9, 0.0, 0)],
)
def test_the_held_out_rows_are_the_decimal_share_rounded_down(rows: int, fraction: float, held_out: int) -> None:
    assert len(split_indices(rows, fraction, 17, "bank-a")[1]) == held_out


@given(populations, seeds, names, st.lists(st.integers(0, 60), max_size=8))
def test_windows_that_follow_each_other_tile_the_passes_exactly(
    population: int, seed: int, name: str, sizes: list[int]
) -> None:
    uses = np.zeros(population, dtype=np.int64)
    start = 0
    for samples in sizes:
        window = window_indices(population, seed, name, start, samples)
        assert len(window) == samples
        uses += np.bincount(window, minlength=population)
        start += samples
    assert uses.sum() == start
    assert uses.max() - uses.min() <= 1
    assert uses.min() == start // population


@given(populations, seeds, names, st.integers(0, 100), st.integers(0, 100))
def test_distinct_counts_the_different_rows_of_a_window(
    population: int, seed: int, name: str, start: int, samples: int
) -> None:
    window = window_indices(population, seed, name, start, samples)
    assert distinct(population, seed, name, start, samples) == len(set(window.tolist()))


@given(populations, seeds, st.integers(0, 100), st.integers(0, 50), st.integers(0, 50))
def test_a_window_is_the_windows_within_it_one_after_another(
    population: int, seed: int, start: int, first: int, second: int
) -> None:
    whole = window_indices(population, seed, "a", start, first + second)
    parts = [window_indices(population, seed, "a", start, first)]
    parts.append(window_indices(population, seed, "a", start + first, second))
    assert np.array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize(("population", "start", "samples"), [(0, 0, 1), (5, -1, 2), (5, 0, -2)])
def test_impossible_windows_are_refused(population: int, start: int, samples: int) -> None:
    with pytest.raises(ValueError, match="no window"):
        window_indices(population, 17, "a", start, samples)
    with pytest.raises(ValueError, match="no window"):
        distinct(population, 17, "a", start, samples)
