"""Who gets which rows of a split."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.splitting.dealing import (
    Parts,
    deal_dirichlet,
    deal_evenly,
    deal_to_holders,
    hold_out,
    hold_values,
)
from fedtrain.splitting.errors import SplitError
from fedtrain.splitting.naming import participant_names, slugs

labelled = st.lists(st.sampled_from("abcd"), min_size=6, max_size=80)
seeds = st.integers(0, 2**32 - 1)


def assert_dealt(parts: Parts, rows: int) -> None:
    assert sorted(row for part in parts for row in part) == list(range(rows))
    assert all(parts)


@given(st.integers(6, 80), st.integers(1, 6), seeds)
def test_even_parts_are_disjoint_complete_and_equal_within_one(rows: int, participants: int, seed: int) -> None:
    parts = deal_evenly(rows, participants, seed)
    assert_dealt(parts, rows)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts == deal_evenly(rows, participants, seed)


@given(labelled, st.integers(1, 6), st.floats(1e-6, 1000), seeds)
def test_dirichlet_parts_are_disjoint_complete_stable_and_never_empty(
    labels: list[str], participants: int, alpha: float, seed: int
) -> None:
    parts = deal_dirichlet(labels, participants, alpha, seed)
    assert_dealt(parts, len(labels))
    assert parts == deal_dirichlet(labels, participants, alpha, seed)


def test_a_small_alpha_skews_labels_and_a_large_one_does_not() -> None:
    labels = list("abcd") * 250

    def largest_share(alpha: float) -> float:
        parts = deal_dirichlet(labels, 4, alpha, 17)
        return sum(max(Counter(labels[row] for row in part).values()) / len(part) for part in parts) / 4

    assert largest_share(1000) < 0.3
    assert largest_share(0.05) > 0.6


def test_a_participant_left_empty_gets_a_row_of_the_commonest_label() -> None:
    parts = deal_dirichlet(["common"] * 5 + ["rare"], 3, 1e-9, 17)
    assert_dealt(parts, 6)
    singles = [part for part in parts if len(part) == 1]
    assert any(part[0] < 5 for part in singles)


@given(st.lists(st.sampled_from("abcdefg"), min_size=3, max_size=60), st.integers(1, 3))
def test_each_value_has_one_holder_and_loads_differ_by_one_value_at_most(values: list[str], participants: int) -> None:
    volume = Counter(values)
    holders = hold_values(values, [f"p{number}" for number in range(participants)], slugs(values))
    loads = [sum(volume[value] for value in volume if holders[value] == number) for number in range(participants)]
    assert sum(loads) == len(values)
    assert max(loads) - min(loads) <= max(volume.values())


def test_a_value_goes_to_the_participant_named_after_it() -> None:
    values = ["Bank B"] * 5 + ["Bank A"] * 2 + ["other"]
    assert hold_values(values, ["bank-a", "bank-b"], slugs(values)) == {"Bank A": 0, "Bank B": 1, "other": 0}


@given(labelled, st.integers(1, 6), st.floats(0.01, 0.99), seeds)
def test_held_out_rows_come_from_every_part_and_leave_each_some(
    labels: list[str], participants: int, fraction: float, seed: int
) -> None:
    parts = deal_to_holders([row % participants for row in range(len(labels))], participants)
    kept, test = hold_out(parts, fraction, seed)
    assert_dealt([*kept, test] if test else kept, len(labels))
    assert all(kept)
    assert all(sorted(part) == part for part in kept)
    assert bool(test) == any(len(part) > 1 for part in parts)


def test_names_are_made_from_values_without_collisions() -> None:
    assert slugs(["St. Mary's", "st mary s", "日本"]) == {
        "St. Mary's": "st-mary-s",
        "st mary s": "st-mary-s-2",
        "日本": "other",
    }
    assert slugs(["Süd", "Su\u0308d-West", "Große–Klinik", "Ørsta", "Universitätsklinik", "Émile"]) == {
        "Süd": "sued",
        "Su\u0308d-West": "sued-west",
        "Große–Klinik": "grosse-klinik",
        "Ørsta": "oersta",
        "Universitätsklinik": "universitaetsklinik",
        "Émile": "emile",
    }
    long = slugs(["x" * 50, "x" * 60])
    assert sorted(map(len, long.values())) == [40, 40]


def test_participants_are_a_number_or_names() -> None:
    assert participant_names("2") == ("participant-1", "participant-2")
    assert participant_names("bank-a, bank-b") == ("bank-a", "bank-b")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("0", "1 to 1000"), ("Bank", "'Bank' is not a valid name"), ("a,,b", "'' is not a valid name"), ("a,a", "twice")],
)
def test_an_invalid_list_of_participants_is_refused(wanted: str, said: str) -> None:
    with pytest.raises(SplitError, match=said):
        participant_names(wanted)
