"""Prompts are continued in batches that fit into memory; what does not fit omits a metric, not a participant."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from fedtrain_trainer import generation
from fedtrain_trainer.adapter_files import config_of
from fedtrain_trainer.generation import CACHED, generate
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel, Models
from fedtrain_trainer.outcome import Outcome
from fedtrain_trainer.run import run_task
from tiny_federation import Federation

from fedtrain.api.model import Model
from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_RETRY
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.task_ledger import TaskLedger

MATCH = {"name": "match", "type": "ExactMatch", "exactMatch": {"pattern": "(\\w+)", "maxNewTokens": 6}}
LOSS = {"name": "loss", "type": "Loss"}
PROMPTS = [[3 + number % 200] * (1 + number % 5) for number in range(300)]


@pytest.fixture
def model(bases: dict[str, Path]) -> AdaptedModel:
    return Models().get(bases["llama"], config_of(Model(base=str(bases["llama"]))), torch.float32, torch.device("cpu"))


def limited(monkeypatch: pytest.MonkeyPatch, rows: int) -> list[int]:
    """Let batches of more rows run out of memory; return the number of rows of each batch that was tried."""
    tried: list[int] = []
    continued = generation._continued

    def within(model: AdaptedModel, prompts: list[list[int]], *settings: Any) -> list[str]:
        tried.append(len(prompts))
        if len(prompts) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return continued(model, prompts, *settings)

    monkeypatch.setattr(generation, "_continued", within)
    return tried


def texts(model: AdaptedModel, prompts: list[list[int]], new_tokens: int) -> list[str]:
    return generate(model, prompts, new_tokens, torch.float32, lambda step, steps: None)


def test_prompts_and_new_tokens_of_a_batch_are_limited(model: AdaptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = limited(monkeypatch, len(PROMPTS))
    texts(model, PROMPTS, 90)
    assert sum(tried) == len(PROMPTS)
    assert max(tried) * (5 + 90) <= CACHED


def test_batches_are_halved_when_memory_runs_out(model: AdaptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [texts(model, [prompt], 4)[0] for prompt in PROMPTS[:20]]
    tried = limited(monkeypatch, 6)
    assert texts(model, PROMPTS[:20], 4) == expected
    assert tried == [20, 10, 5, 5, 5, 5]


def test_a_participant_without_memory_for_exact_match_takes_part(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 0)
    update = federation.trained(metrics=[MATCH, LOSS])
    assert set(update.received) == {"loss"}
    assert "out of memory" in omitted(federation)["match"]


def test_a_hub_without_memory_for_exact_match_tries_again(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 0)
    outcome = federation.run(federation.evaluation([MATCH]))
    assert outcome.code == EXIT_RETRY
    assert outcome.reason == (
        "out of memory, even with one prompt at a time; lower `exactMatch.maxNewTokens` or `data.maxLength`"
    )


class AnotherFailed(Group):
    """A group whose other process had no memory for its prompts."""

    def totals(self, *values: float, device: torch.device) -> list[float]:
        return [values[0], *(value + 1 for value in values[1:])]


def test_all_processes_omit_the_metric_for_which_one_has_no_memory(federation: Federation) -> None:
    assignment = federation.assignment(federation.train_work(metrics=[MATCH]), round=1)
    store = TaskLedger(federation.ledger, assignment.task)
    outcome: Outcome = run_task(assignment, store=store, group=AnotherFailed(), models=federation.models)
    assert outcome.code == EXIT_DONE
    assert dict(federation.record(names.update(1, "a", 1), Update).received) == {}
    assert "out of memory" in omitted(federation)["match"]


def omitted(federation: Federation) -> dict[str, str]:
    return json.loads(federation.ledger.content("telemetry/rounds/0001/a-1/trainer.json"))["omittedMetrics"]
