from math import exp
from typing import Any

import pytest
from fedtrain_aggregator.combine.weights import normalised, weight_flaw, weights_of
from round_on_disk import spec_of

from fedtrain.contracts.untrusted_records import Update
from tests.support.updates import an_update


def record(participant: str, distinct: int = 10, samples: int = 10, validation_loss: float | None = None) -> Update:
    return an_update(participant=participant, samples=samples, distinct=distinct, validation_loss=validation_loss)


def test_samples_counts_distinct_samples_not_repeated_ones():
    spec = spec_of(["anna", "ben"], weights="Samples")
    assert weights_of(spec, [record("anna", distinct=30), record("ben", distinct=10, samples=500)]) == [0.75, 0.25]


def test_weights_above_2_to_the_53_are_normalised():
    assert normalised([2.0**70, 2.0**70]) == [0.5, 0.5]


def test_uniform_gives_equal_weights():
    spec = spec_of(["anna", "ben"], weights="Uniform")
    assert weights_of(spec, [record("anna", distinct=30), record("ben", distinct=0)]) == [0.5, 0.5]


def test_fixed_weights_are_shared_out_among_those_that_are_in():
    spec = spec_of(["anna", "ben", "carla"], {"anna": 1.0, "ben": 5.0, "carla": 3.0}, weights="Fixed")
    assert weights_of(spec, [record("anna"), record("carla")]) == [0.25, 0.75]


def test_a_participant_without_a_fixed_weight_is_named():
    spec = spec_of(["anna"], weights="Fixed")
    with pytest.raises(ValueError, match="participant anna has no weight"):
        weights_of(spec, [record("anna")])


def test_validation_loss_favours_the_lower_loss():
    # 10 exp(-2 * 1) : 20 exp(-2 * 1.5) = 1 : 2 exp(-1)
    spec = spec_of(["anna", "ben"], weights="ValidationLoss", validation_loss={"beta": 2.0})
    found = weights_of(spec, [record("anna", 10, validation_loss=1.0), record("ben", 20, validation_loss=1.5)])
    assert found == pytest.approx([1 / (1 + 2 * exp(-1)), 2 * exp(-1) / (1 + 2 * exp(-1))])


def test_validation_losses_far_from_zero_do_not_underflow():
    spec = spec_of(["anna", "ben"], weights="ValidationLoss")
    found = weights_of(spec, [record("anna", validation_loss=5000.0), record("ben", validation_loss=5000.0)])
    assert found == [0.5, 0.5]


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("Samples", {"distinct": 0}, "0 distinct samples"),
        ("ValidationLoss", {}, "no validation loss"),
    ],
)
def test_a_record_that_gives_no_weight_is_objected_to(kind: str, fields: dict[str, Any], words: str):
    found = weight_flaw(spec_of(["anna"], weights=kind), record("anna", **fields))
    assert found is not None
    assert words in found


def test_uniform_weights_ask_nothing_of_a_record():
    assert weight_flaw(spec_of(["anna"], weights="Uniform"), record("anna", distinct=0)) is None
