"""A strategy of a user's own: the aggregator's part is one registered function (docs/aggregation.md)."""

from collections.abc import Callable

import numpy as np
import pytest
from fedtrain_aggregator.strategies import Block, State, base, register
from round_on_disk import A, B, RoundOnDisk

from fedtrain.contracts.records import Aggregate


def test_a_registered_function_steps_the_global_adapter(
    make_round: Callable[..., RoundOnDisk], monkeypatch: pytest.MonkeyPatch
):
    known = dict(base._REGISTRY)
    del known["FedAvgM"]  # the toy takes the place of a name that the API accepts
    monkeypatch.setattr(base, "_REGISTRY", known)

    @register("FedAvgM", state=("steps",), params=lambda aggregation: None)
    def half(x: Block, update: Block, state: State, step: int, params: None) -> tuple[Block, State]:
        return x + np.float32(0.5) * update, {"steps": state["steps"] + 1}

    round = make_round(
        ["anna"], start={A: np.array([[1, 1]], np.float32), B: np.array([[1]], np.float32)}, strategy="FedAvgM"
    )
    round.send("anna", {A: np.array([[4, 8]], np.float32), B: np.array([[2]], np.float32)})
    round.close()
    made = round.aggregate()
    assert isinstance(made, Aggregate)
    found = round.tensors(made.adapter)
    assert {name: values.tolist() for name, values in found.items()} == {A: [[3, 5]], B: [[2]]}
    assert round.tensors(made.state)["steps"].tolist() == [1, 1, 1]
