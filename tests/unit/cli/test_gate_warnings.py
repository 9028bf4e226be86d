"""Warnings of a gate that is narrower than chance."""

from typing import Any

import pytest

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.preview.gate_warnings import gate_warnings
from tests.support.ledger_by_hand import GATED


@pytest.mark.parametrize(
    ("gate", "warned"),
    [({}, True), ({"maxRegression": 0.01}, True), ({"maxRegression": 0}, False), ({"maxRegression": 0.06}, False)],
)
def test_a_gate_below_the_standard_error_is_named_unless_the_file_asks_for_zero(
    gate: dict[str, Any], warned: bool
) -> None:
    evaluation = {**GATED["evaluation"], "gate": {"metric": "accuracy", **gate}}
    spec = FederatedTrainingSpec.model_validate({**GATED, "evaluation": evaluation})
    assert bool(list(gate_warnings(spec, 86))) is warned
