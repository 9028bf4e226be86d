"""GPU memory is the minimum of what policy and training allow and what the device has. The device is played."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from fedtrain_trainer import memory
from fedtrain_trainer.works import inspect

from fedtrain.api.training import Training
from fedtrain.contracts.records import ModelFacts
from fedtrain.partitioning.memory import max_batch

GIB = 2**30
FREE, TOTAL, OWN = 30 * GIB, 40 * GIB, 2 * GIB
"""Of the device. `OWN`: what this process has allocated, which is not in `FREE`."""
GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
FACTS = ModelFacts(
    base_parameters=135_000_000, adapter_parameters=4_900_000, hidden_size=576, layers=30, vocabulary=49152
)
SHARE, LENGTH = 1000, 512


class Model:
    device = GPU

    def facts(self) -> ModelFacts:
        return FACTS


@pytest.fixture
def fractions(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those that the process is limited to."""
    found: list[float] = []
    monkeypatch.setattr(inspect, "has_cuda_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (FREE, TOTAL))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda *_: OWN)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda fraction, _: found.append(fraction))
    return found


@pytest.mark.parametrize(("allowed", "fraction"), [(None, 1.0), (10 * GIB, 0.25), (80 * GIB, 1.0)])
def test_a_process_is_kept_within_the_smaller_of_the_allowed_memory_and_the_device(
    allowed: int | None, fraction: float, fractions: list[float]
) -> None:
    memory.limit(allowed, GPU)
    memory.limit(allowed, CPU)
    assert fractions == [fraction]


@pytest.mark.parametrize(
    ("allowed", "budget"),
    [(None, FREE + OWN), (10 * GIB, 10 * GIB), (80 * GIB, FREE + OWN)],
    ids=["nothing set", "less than free", "more than there is"],
)
@pytest.mark.usefixtures("fractions")
def test_rows_at_a_time_fit_into_the_smaller_of_the_allowed_and_the_free_memory(
    allowed: int | None, budget: int
) -> None:
    model = cast(Any, Model())
    training = Training.model_validate({"length": {"type": "Steps", "steps": 1}})
    fit = memory.fit(model, training, LENGTH, SHARE, torch.bfloat16, allowed)
    expected = max_batch(FACTS, budget, max_length=LENGTH, checkpointing="Disabled")
    assert 1 < expected < SHARE
    assert fit == memory.Fit(expected, checkpointing=False)


@pytest.mark.parametrize(("allowed", "free"), [(None, FREE), (10 * GIB, 10 * GIB), (80 * GIB, FREE)])
@pytest.mark.usefixtures("fractions")
def test_a_preflight_reports_the_smaller_of_the_allowed_and_the_free_memory(allowed: int | None, free: int) -> None:
    context = cast(Any, SimpleNamespace(binding=SimpleNamespace(gpu_memory=allowed)))
    assert inspect.gpu_memory(context) == free


def test_a_preflight_without_a_gpu_reports_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    context = cast(Any, SimpleNamespace(binding=SimpleNamespace(gpu_memory=10 * GIB)))
    assert inspect.gpu_memory(context) == 10 * GIB
