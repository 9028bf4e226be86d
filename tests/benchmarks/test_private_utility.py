"""Accuracy at equal epsilon: the aggregator beside plain numpy, on updates of the quickstart, over 5 seeds."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "benchmarks/private_utility.py"
SEEDS = range(1, 6)
ONE = SEEDS[:1]
"""Enough where the difference is many points."""


def load_benchmark() -> Any:
    """Return the benchmark's module."""
    found = spec_from_file_location("private_utility", FILE)
    assert found is not None
    assert found.loader is not None
    module = sys.modules[found.name] = module_from_spec(found)
    found.loader.exec_module(module)
    return module


benchmark = load_benchmark()


@pytest.fixture(scope="module")
def participants() -> Any:
    return benchmark.Participants(400)


@pytest.fixture(scope="module")
def reference(participants: Any) -> float:
    return mean(benchmark.with_numpy(participants, 1, seed) for seed in SEEDS)


def test_accuracy_at_equal_epsilon_is_within_half_a_point_of_the_reference(participants: Any, reference: float) -> None:
    found = mean(benchmark.with_fedtrain(participants, 1, seed) for seed in SEEDS)
    assert abs(found - reference) <= benchmark.MOST
    assert reference > participants.accuracy(participants.initial) + 5


@pytest.mark.parametrize(("noise", "norm"), [(1, 0.25), (30, 1)])
def test_another_clipping_norm_or_noise_is_further_away(
    noise: float, norm: float, participants: Any, reference: float
) -> None:
    """So the comparison can fail."""
    multiplier = noise * benchmark.dp_accounting.get_sigma_gaussian(benchmark.EPSILON, benchmark.DELTA)
    initial, bound = participants.initial, norm * benchmark.BOUND
    updates = participants.updates(initial)
    steps = (benchmark.numpy_step(initial, updates, multiplier, np.random.default_rng(seed), bound) for seed in ONE)
    assert abs(mean(map(participants.accuracy, steps)) - reference) > benchmark.MOST
