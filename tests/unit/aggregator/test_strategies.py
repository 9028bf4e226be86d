"""Each strategy against numbers worked out by hand, and against a plain float64 implementation."""

import doctest
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator.strategies import register, strategy_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fedtrain.api.aggregation import Aggregation
from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES

ALL = ("FedAvg", "FedProx", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi")
Float64 = NDArray[np.float64]


def two_steps(aggregation: Aggregation, x: float, first: float, second: float) -> tuple[list[float], dict[str, float]]:
    """x after each of two steps from x, and the state at the end."""
    strategy = strategy_of(aggregation)
    block = np.array([x], np.float32)
    state: Mapping[str, Any] = {name: np.zeros(1, np.float32) for name in strategy.state}
    seen = []
    for t, update in enumerate((first, second), start=1):
        block, state = strategy.step(block, np.array([update], np.float32), state, t)
        seen.append(float(block[0]))
    return seen, {name: float(values[0]) for name, values in state.items()}


@pytest.mark.parametrize("name", ["FedAvg", "FedProx"])
def test_fed_avg_and_fed_prox_add_the_mean_update(name: Any):
    # 1 + .5 = 1.5; 1.5 - 2 = -.5
    assert two_steps(Aggregation(strategy=name), 1.0, 0.5, -2.0) == ([1.5, -0.5], {})


def test_fed_avg_m_keeps_momentum():
    # m1 = 2, x1 = 1 + .5 * 2 = 2; m2 = .9 * 2 - 1 = .8, x2 = 2 + .5 * .8 = 2.4
    aggregation = Aggregation.model_validate(
        {"strategy": "FedAvgM", "fedAvgM": {"serverLearningRate": 0.5, "momentum": 0.9}}
    )
    x, state = two_steps(aggregation, 1.0, 2.0, -1.0)
    assert x == pytest.approx([2.0, 2.4])
    assert state == pytest.approx({"m": 0.8})


def test_fed_adagrad_divides_by_the_root_of_all_squares():
    # v1 = 9, x1 = 1 + .1 * 3 / (3 + 1) = 1.075; v2 = 9 + 16 = 25, x2 = 1.075 + .1 * 4 / (5 + 1) = 1.141667
    aggregation = Aggregation.model_validate({"strategy": "FedAdagrad", "fedAdagrad": {"tau": 1.0}})
    x, state = two_steps(aggregation, 1.0, 3.0, 4.0)
    assert x == pytest.approx([1.075, 1.1416667])
    assert state == pytest.approx({"v": 25.0})


def test_fed_yogi_moves_the_second_moment_by_a_bounded_step():
    # b1 = .5, b2 = .75, tau = 1, eta = 1
    # D1 = 4: m1 = 2, v1 = 0 - .25 * 16 * sign(0 - 16) = 4, x1 = 1 + 2 / (2 + 1) = 1.666667
    # D2 = 1: m2 = 1 + .5 = 1.5, v2 = 4 - .25 * 1 * sign(4 - 1) = 3.75, x2 = x1 + 1.5 / (1.936492 + 1) = 2.177482
    block = {"serverLearningRate": 1.0, "beta1": 0.5, "beta2": 0.75, "tau": 1.0}
    x, state = two_steps(Aggregation.model_validate({"strategy": "FedYogi", "fedYogi": block}), 1.0, 4.0, 1.0)
    assert x == pytest.approx([1.6666667, 2.1774815])
    assert state == pytest.approx({"m": 1.5, "v": 3.75})


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        # b1 = .5, b2 = .75, tau = 1, eta = 1; D1 = 4: m1 = 2, v1 = .25 * 16 = 4; D2 = 2: m2 = 2, v2 = 3 + 1 = 4.
        # None: x1 = 1 + 2 / (2 + 1); x2 = x1 + 2 / (2 + 1)
        ("None", [1.6666667, 2.3333333]),
        # Adam: m^ = 2 / .5 = 4, v^ = 4 / .25 = 16, x1 = 1 + 4 / (4 + 1) = 1.8;
        #       m^ = 2 / .75 = 2.666667, v^ = 4 / .4375 = 9.142857, x2 = 1.8 + 2.666667 / (3.023716 + 1) = 2.462740
        ("Adam", [1.8, 2.4627395]),
        # Flower: eta1 = sqrt(1 - .75^2) / (1 - .5^2) = .661438 / .75 = .881917, x1 = 1 + .881917 * 2 / 3 = 1.587945;
        #         eta2 = sqrt(1 - .75^3) / (1 - .5^3) = .760345 / .875 = .868966, x2 = x1 + .868966 * 2 / 3 = 2.167255
        ("Flower", [1.5879447, 2.1672555]),
    ],
)
def test_fed_adam_with_each_bias_correction(correction: str, expected: list[float]):
    block = {"serverLearningRate": 1.0, "beta1": 0.5, "beta2": 0.75, "tau": 1.0, "biasCorrection": correction}
    x, state = two_steps(Aggregation.model_validate({"strategy": "FedAdam", "fedAdam": block}), 1.0, 4.0, 2.0)
    assert x == pytest.approx(expected, rel=1e-6)
    assert state == pytest.approx({"m": 2.0, "v": 4.0})


def test_the_first_step_of_fed_adam_with_its_defaults():
    # D = .01: m = .1 * .01 = .001, v = .01 * .0001 = 1e-6, x = 0 + .1 * .001 / (.001 + .001) = .05
    x, _ = two_steps(Aggregation(strategy="FedAdam"), 0.0, 0.01, 0.0)
    assert x[0] == pytest.approx(0.05)


def reference(name: str, x: Float64, update: Float64, s: dict[str, Float64], t: int, p: Any) -> Float64:
    """Reddi et al. 2021, Algorithm 2, and Hsu et al. 2019, as written there; changes `s`."""
    if name in ("FedAvg", "FedProx"):
        return x + update
    if name == "FedAvgM":
        s["m"] = p.momentum * s["m"] + update
        return x + p.server_learning_rate * s["m"]
    beta1 = getattr(p, "beta1", 0.0)
    m = s["m"] = beta1 * s.get("m", np.zeros_like(x)) + (1 - beta1) * update
    if name == "FedAdagrad":
        s["v"] = s["v"] + update**2
    elif name == "FedYogi":
        s["v"] = s["v"] - (1 - p.beta2) * update**2 * np.sign(s["v"] - update**2)
    else:
        s["v"] = p.beta2 * s["v"] + (1 - p.beta2) * update**2
    return x + p.server_learning_rate * m / (np.sqrt(s["v"]) + p.tau)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(ALL), seed=st.integers(0, 2**32 - 1), exponent=st.integers(-4, 1), steps=st.integers(1, 6))
def test_strategies_agree_with_a_plain_float64_implementation(name: Any, seed: int, exponent: int, steps: int):
    random = np.random.default_rng(seed)
    aggregation = Aggregation(strategy=name)
    strategy = strategy_of(aggregation)
    x = random.standard_normal(50).astype(np.float32)
    state: Mapping[str, Any] = {key: np.zeros(50, np.float32) for key in strategy.state}
    plain_x, plain_state = x.astype(np.float64), {key: np.zeros(50) for key in ("m", "v")}
    blocks = import_module("fedtrain.api.aggregation_strategies")
    params = getattr(blocks, name)() if name not in ("FedAvg", "FedProx") else None
    for t in range(1, steps + 1):
        update = (10.0**exponent * random.standard_normal(50)).astype(np.float32)
        x, state = strategy.step(x, update, state, t)
        plain_x = reference(name, plain_x, update.astype(np.float64), plain_state, t, params)
        assert x.dtype == np.float32
        assert all(values.dtype == np.float32 for values in state.values())
        assert np.allclose(x, plain_x, rtol=2e-5, atol=2e-5 * max(1.0, 10.0**exponent))
    assert set(state) == set(strategy.state)


@pytest.mark.parametrize("name", ALL)
def test_a_block_is_worked_through_alike_whole_and_in_parts(name: Any):
    strategy = strategy_of(Aggregation(strategy=name))
    random = np.random.default_rng(1)
    x, update = (random.standard_normal(101).astype(np.float32) for _ in range(2))
    state = {key: random.random(101).astype(np.float32) for key in strategy.state}
    whole, after = strategy.step(x, update, state, 3)
    for part in (slice(0, 1), slice(1, 64), slice(64, 101)):
        alone, kept = strategy.step(x[part], update[part], {key: values[part] for key, values in state.items()}, 3)
        assert alone.tobytes() == whole[part].tobytes()
        assert all(kept[key].tobytes() == after[key][part].tobytes() for key in after)


def test_every_strategy_of_the_api_is_registered_and_tested():
    assert [strategy_of(Aggregation(strategy=name)).name for name in AGGREGATION_STRATEGIES] == list(ALL)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="two strategies named FedAvg"):
        register("FedAvg", state=(), params=None)(lambda x, update, state, t, params: (x, state))


@pytest.mark.parametrize(
    "module", ["combine.weights", *(f"strategies.fed_{name}" for name in ("avg", "avg_m", "adagrad", "adam", "yogi"))]
)
def test_the_examples_in_the_docstrings_are_right(module: str):
    results = doctest.testmod(import_module(f"fedtrain_aggregator.{module}"))
    assert results.attempted > 0
    assert results.failed == 0
