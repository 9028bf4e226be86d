"""Updates with a norm beyond the bound are quarantined."""

from typing import Any

import numpy as np
import pytest
from round_on_disk import SHAPES, A, MakeRound, adapter, with_value

from fedtrain.contracts.records import Aggregate, Close


def unit(value: float) -> dict[str, Any]:
    """An update of L2 norm `value`."""
    update = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    update[A][0, 0] = value
    return update


def test_an_absolute_bound_on_the_norm(make_round: MakeRound):
    round = make_round(max_update_norm={"type": "Absolute", "norm": 2.0})
    round.send("anna", unit(2.0))
    round.send("ben", unit(-2.5))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [(bad.participant, bad.reason) for bad in made.quarantined] == [
        ("ben", "its norm is 2.5, beyond the 2 that aggregation.maxUpdateNorm allows")
    ]


def test_a_bound_by_the_median_considers_sound_updates(make_round: MakeRound):
    round = make_round(["anna", "ben", "carla", "dora", "emil"], max_update_norm={"type": "TimesMedian", "factor": 3.0})
    for who, norm in (("anna", 1.0), ("ben", 2.0), ("carla", 3.0), ("dora", 1e4)):
        round.send(who, unit(norm))
    round.send("emil", with_value(np.inf))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [bad.participant for bad in made.quarantined] == ["dora", "emil"]
    assert made.quarantined[0].reason == "its norm is 10000, beyond 3 times the median of 2.5 over 4 updates"


def test_a_bound_by_the_median_needs_three_norms(make_round: MakeRound):
    round = make_round(max_update_norm={"type": "TimesMedian", "factor": 1.1})
    round.send("anna", unit(1.0))
    round.send("ben", unit(1000.0))
    round.close()
    assert isinstance(round.aggregate(), Aggregate)


def test_without_max_update_norm_the_bound_is_100_times_the_median(make_round: MakeRound):
    round = make_round()
    for who, norm in (("anna", 1.0), ("ben", 2.0), ("carla", 200.0), ("dora", 201.0)):
        round.send(who, unit(norm))
    round.close()
    assert isinstance(round.aggregate(), Aggregate), "the median is 101"

    round = make_round()
    for who, norm in (("anna", 1.0), ("ben", 2.0), ("carla", 200.5)):
        round.send(who, unit(norm))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [(bad.participant, bad.reason) for bad in made.quarantined] == [
        (
            "carla",
            "its norm is 200.5, beyond 100 times the median of 2 over 3 updates (the default of "
            "aggregation.maxUpdateNorm)",
        )
    ]


@pytest.mark.parametrize("others", [0, 1, 3])
def test_an_update_of_1e38_in_every_value_is_left_out_of_any_round(make_round: MakeRound, others: int):
    round = make_round()
    for who in ("anna", "ben", "carla")[:others]:
        round.send(who, adapter(1))
    round.send("dora", {name: np.full(shape, 1e38, np.float32) for name, shape in SHAPES.items()})
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [bad.participant for bad in made.quarantined] == ["dora"]
    assert made.quarantined[0].reason == f"tensor {A} holds 1e+38, beyond 65504, the largest value of an adapter"
    assert len(made.updates) == others


def test_updates_of_zeros_do_not_lower_the_median(make_round: MakeRound):
    round = make_round(["anna", "ben", "carla", "dora", "emil", "fritz", "gina"])
    for who in ("anna", "ben", "carla", "dora"):
        round.send(who, unit(0.0))
    for who in ("emil", "fritz", "gina"):
        round.send(who, unit(1.0))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Aggregate)
    assert [weight.norm for weight in made.weights] == [0, 0, 0, 0, 1, 1, 1]


def test_the_largest_values_of_an_adapter_are_accepted(make_round: MakeRound):
    round = make_round(start=adapter(0, scale=0.0))
    update = {name: np.full(shape, -65504, np.float32) for name, shape in SHAPES.items()}
    round.send("anna", update)
    round.close()
    made = round.aggregate()
    assert isinstance(made, Aggregate)
    assert made.update_norm == pytest.approx(65504 * 32**0.5)
