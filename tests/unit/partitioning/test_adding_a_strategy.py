"""A strategy that a user adds, for partitioning and for aggregation: one registration in the API, one function.

`tests/support/toy_strategies.py` does what docs/partitioning.md and docs/aggregation.md say.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES
from fedtrain.api.partitioning_strategies import PARTITIONING_STRATEGIES
from fedtrain.partitioning.strategies import STRATEGIES

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("toy")
    command = [sys.executable, "-m", "tests.support.toy_strategies", str(folder / "federation.yaml"), str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def test_validate_accepts_the_strategy_and_asks_for_its_parameters(toy: dict[str, Any]) -> None:
    text = "`toy` is required because strategy is Toy."
    assert toy["with"] == []
    assert toy["without"] == [f"10: {text}", f"12: {text}"]


@pytest.mark.parametrize(
    ("block", "strategies"), [("partitioning", PARTITIONING_STRATEGIES), ("aggregation", AGGREGATION_STRATEGIES)]
)
def test_the_crd_has_the_strategy_its_parameters_and_their_rules(
    toy: dict[str, Any], block: str, strategies: dict[str, Any]
) -> None:
    found = toy[block]
    assert found["values"] == [*strategies, "Toy"]
    assert found["description"].endswith("`Toy`: a toy.")
    assert found["toy"]["description"] == "Parameters of Toy. Only with strategy Toy."
    assert found["toy"]["properties"]["factor"] == {
        "description": "Factor of the toy.",
        "type": "integer",
        "format": "int64",
        "minimum": 1,
    }
    only, required = found["rules"]
    assert only == "self.strategy == 'Toy' || !has(self.toy)"
    assert required.startswith("self.strategy != 'Toy' || has(self.toy)")


def test_rounds_are_planned_with_the_function(toy: dict[str, Any]) -> None:
    assert toy["planned"] == [[1, "anna", 0, 40], [1, "ben", 0, 20], [2, "anna", 40, 40], [2, "ben", 20, 20]]


def test_a_round_is_aggregated_with_the_function(toy: dict[str, Any]) -> None:
    assert toy["aggregated"] == {"adapter": [[[3, 5]], [[2]]], "steps": [1, 1, 1]}


def test_every_partitioning_strategy_of_the_api_has_a_function() -> None:
    assert set(STRATEGIES) == set(PARTITIONING_STRATEGIES)
