"""Labels keep apart, in order, and near their lines."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.contracts.headline_metric import Measure
from fedtrain.results.charts.gains import gains_by_participant
from fedtrain.results.charts.labels import spread


def test_labels_that_have_room_stay_where_they_are() -> None:
    assert spread([0.1, 0.9, 0.5], 0.1, 0.0, 1.0) == pytest.approx([0.1, 0.9, 0.5])


def test_equal_ones_are_moved_apart_around_their_place() -> None:
    assert spread([0.5, 0.5], 0.1, 0.0, 1.0) == pytest.approx([0.45, 0.55])


def test_at_the_edge_they_are_moved_inwards() -> None:
    assert spread([0.0, 1.0, 1.0], 0.1, 0.0, 1.0) == pytest.approx([0.0, 0.9, 1.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_none_covers_another_and_their_order_stays(wanted: list[float]) -> None:
    places = spread(wanted, 0.1, 0.0, 1.0)
    ordered = [place for _, place in sorted(zip(wanted, places, strict=True))]
    assert all(after - before >= 0.1 - 1e-9 for before, after in pairwise(ordered))
    assert min(places) >= -1e-9
    assert max(places) <= 1 + 1e-9


def test_shares_of_gains_end_at_100_percent_and_have_room() -> None:
    found = [("city", 0.75, 0.893), ("coast", 0.867, 0.9), ("north", 0.897, 1.0)]
    figure = gains_by_participant(found, Measure("accuracy", share=True), ["city", "coast", "north"], "gains", 4.0)
    shown = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert shown == ["70%", "80%", "90%", "100%"]
