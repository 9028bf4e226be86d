"""Warnings of settings that are valid and cannot mean what the user wants."""

from collections.abc import Mapping
from typing import Any

import pytest

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.preview.settings_without_effect import settings_without_effect
from fedtrain.preview.small_data_warnings import small_data_warnings
from fedtrain.preview.unit_warnings import unit_warnings
from tests.support.ledger_by_hand import SPEC

EARLY = {"earlyStopping": {"metric": "loss", "patience": 3}}


def changed(blocks: Mapping[str, Mapping[str, Any]]) -> FederatedTrainingSpec:
    """The specification with these fields; 3 rounds, 25 steps of 32 rows."""
    return FederatedTrainingSpec.model_validate(
        {**SPEC, **{name: {**SPEC.get(name, {}), **fields} for name, fields in blocks.items()}}
    )


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({"evaluation": {"every": 4}}, "evaluation.every is 4, but rounds.count is 3"),
        ({"evaluation": {"every": 4, "hub": None}}, "without evaluation.hub nothing is evaluated"),
        ({"rounds": EARLY}, "rounds.earlyStopping.patience is 3, but the run has only 3 evaluations"),
        ({"rounds": {"earlyStopping": {"metric": "loss"}}}, "patience is 3 (the default), but"),
        ({"rounds": {"count": 9, **EARLY}, "evaluation": {"every": 4}}, "only 3 evaluations"),
        ({"evaluation": {"gate": {"metric": "loss", "maxConsecutive": 4}}}, "maxConsecutive is 4, but rounds.count"),
        (
            {"evaluation": {"gate": {"metric": "loss", "maxConsecutive": 2, "onRegression": "Halt"}}},
            "maxConsecutive is 2, but with onRegression: Halt",
        ),
        ({"evaluation": {"hub": {**SPEC["evaluation"]["hub"], "samples": 8}}}, "hub.samples is 8, but the hub's data"),
    ],
)
def test_a_setting_that_can_never_take_effect_is_named_with_its_value(
    blocks: Mapping[str, Mapping[str, Any]], said: str
) -> None:
    (warning,) = settings_without_effect(changed(blocks), hub_rows=7)
    assert said in warning


@pytest.mark.parametrize(
    "blocks",
    [
        {"evaluation": {"every": 3}},
        {"rounds": {"count": 4, **EARLY}},
        {"evaluation": {"gate": {"metric": "loss", "maxConsecutive": 3}}},
        {"rounds": {"count": 1}, "evaluation": {"gate": {"metric": "loss"}}},
        {"evaluation": {"hub": {**SPEC["evaluation"]["hub"], "samples": 7}}},
    ],
)
def test_a_setting_that_takes_effect_is_not_named(blocks: Mapping[str, Mapping[str, Any]]) -> None:
    assert list(settings_without_effect(changed(blocks), hub_rows=7)) == []


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({"data": {"validationFraction": 0.9}}, "90% of each participant's rows are not trained on. If you mean 10%"),
        ({"training": {"warmupRatio": 0.8}}, "training.warmupRatio is 0.8"),
        ({"training": {"learningRate": 0.3}}, "training.learningRate is 0.3, so large"),
        ({"training": {"learningRate": 2e-9}}, "training.learningRate is 2e-09, so small"),
        (
            {"training": {"optimizer": "SGD", "learningRate": 2e-4}},
            "training.learningRate is 0.0002, so small that SGD learns almost nothing",
        ),
        (
            {"aggregation": {"strategy": "FedAdam", "fedAdam": {"serverLearningRate": 10}}},
            "aggregation.fedAdam.serverLearningRate is 10: FedAdam can move each value of the adapter by about as much",
        ),
        (
            {"aggregation": {"strategy": "FedYogi", "fedYogi": {"serverLearningRate": 1}}},
            "serverLearningRate is 1: FedYogi can",
        ),
        ({"rounds": {"deadline": "5s"}}, "rounds.deadline is 5s, but"),
        (
            {"aggregation": {"maxUpdateNorm": {"type": "TimesMedian", "factor": 0.5}}},
            "aggregation.maxUpdateNorm.factor is 0.5, but about half",
        ),
        ({"evaluation": {"gate": {"metric": "loss", "maxRegression": 100}}}, "maxRegression is 100, but loss is"),
    ],
)
def test_a_value_that_looks_like_a_slip_is_named(blocks: Mapping[str, Mapping[str, Any]], said: str) -> None:
    (warning,) = unit_warnings(changed(blocks), {})
    assert said in warning


def test_usual_values_are_not_named() -> None:
    blocks = {"data": {"validationFraction": 0.5}, "training": {"learningRate": 3e-3, "warmupRatio": 0.1}}
    assert list(unit_warnings(changed(blocks), {})) == []


@pytest.mark.parametrize(
    "blocks",
    [
        {"training": {"optimizer": "SGD", "learningRate": 0.01}},
        {"aggregation": {"strategy": "FedAdam"}},
        {"aggregation": {"strategy": "FedAdam", "fedAdam": {"serverLearningRate": 10, "tau": 0.1}}},
        {"aggregation": {"strategy": "FedAvgM"}},
    ],
)
def test_learning_rates_of_other_optimizers_are_not_named(blocks: Mapping[str, Mapping[str, Any]]) -> None:
    assert list(unit_warnings(changed(blocks), {})) == []


def test_a_participant_with_fewer_rows_than_a_batch_is_named_with_them() -> None:
    said = list(small_data_warnings(changed({"training": {"batchSize": 32}}), {"zoo": [1], "museum": [36]}))
    assert said == [
        "zoo has only one row, which is trained on, so none is left for validation (data.validationFraction is 0.1). "
        "Use at least 2 rows.",
        "zoo (1 training row) has fewer rows than one batch (training.batchSize is 32), so each step repeats rows. "
        "Add rows, or set `batchSize: 1`.",
    ]


def test_a_slice_of_fixed_size_beyond_the_rows_is_named_with_what_happens() -> None:
    blocks = {"partitioning": {"strategy": "FixedSize", "fixedSize": {"samples": 100}, "onExhausted": "Idle"}}
    (said,) = small_data_warnings(changed(blocks), {"zoo": [100], "museum": [200]})
    assert said.startswith("zoo (90 training rows) has fewer rows than partitioning.fixedSize.samples (100), so they")
    assert "onExhausted: Idle" in said


def test_steps_that_repeat_each_row_many_times_in_a_round_are_named() -> None:
    length = {"type": "Steps", "steps": 100_000}
    spec = changed({"training": {"batchSize": 8, "length": length}})
    who, other = (one.name for one in spec.participants[:2])
    (said,) = small_data_warnings(spec, {who: [150], other: [1_000_000]})
    assert said == (
        f"training.length.steps is 100,000, which counts for each round: {who} (135 training rows) trains on each row "
        "about 5,926 times in a round. For one pass, write `length: {type: Epochs, epochs: 1}`."
    )
    usual = changed({"training": {"batchSize": 8, "length": {"type": "Steps", "steps": 1600}}})
    assert list(small_data_warnings(usual, {who: [150]})) == []
