"""DP-SGD: tasks, and what leaves the participant."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from fedtrain_trainer.lora import AdaptedModel
from peft import PeftModel
from tiny_federation import ALMOST_NONE, Federation, classified, example_noise
from transformers import AutoModelForCausalLM

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_REFUSED, EXIT_RETRY
from fedtrain.contracts.noise_records import NoiseDraw
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.task_ledger import TaskLedger

DOCS = Path(__file__).parents[3] / "docs/privacy.md"
NAMES = re.compile(r"`(\w+)`")


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2"])
def test_the_adapter_that_is_sent_reloads_to_the_trained_loss(
    kind: str, tmp_path: Path, bases: dict[str, Path]
) -> None:
    federation = Federation(tmp_path, bases[kind], classified(40))
    federation.training.update(learningRate=0.02, schedule="Constant")
    noise = example_noise(multiplier=ALMOST_NONE, steps=10)
    work = {"samples": 32, "distinct": 32, "exampleNoise": noise, "testingSeed": 1}
    update = federation.trained(**work)
    initial = federation.initialised()
    folder = federation.exported(initial, federation.weights(update))
    assert not any("_module" in name for name in federation.weights(update))
    reloaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(bases[kind]), str(folder))
    before, after = (loss_of(federation, one) for one in (AutoModelForCausalLM.from_pretrained(bases[kind]), reloaded))
    assert after < before - 0.2
    model = federation.models.get(bases[kind], reloaded.peft_config["default"], torch.float32, torch.device("cpu"))
    trained = {name: one + federation.weights(update)[name] for name, one in federation.blob(initial.adapter).items()}
    model.load(trained)
    assert loss_of(federation, model.module) == pytest.approx(after, rel=1e-5)


def loss_of(federation: Federation, model: Any) -> float:
    model.eval()
    losses: list[float] = []
    with torch.inference_mode():
        for ids, labels in federation.encoded():
            losses.append(model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss.item())
    return sum(losses) / len(losses)


def test_nothing_that_depends_on_rows_leaves_without_noise(
    federation: Federation, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [json.loads(line) for line in federation.data.read_text().splitlines()]
    marked = [row | {"prompt": row["prompt"] + "<|start|>"} for row in rows]
    federation.data.write_text("".join(json.dumps(row) + "\n" for row in marked))
    metrics = [{"name": "loss", "type": "Loss"}]
    work = {"samples": 32, "distinct": 32, "exampleNoise": example_noise(), "testingSeed": 1, "metrics": metrics}
    update = federation.trained(**work)
    assert (update.train_loss, update.tokens, update.validation_loss, update.received) == (None, None, None, {})
    assert update.steps == 4
    telemetry = json.loads(federation.ledger.store.get("default/words/telemetry/rounds/0001/a-1/trainer.json"))
    page = DOCS.read_text().partition("**Telemetry**")[2].partition("**Task status**")[0]
    fields = {line.split("|")[1]: line.split("|")[-2] for line in page.splitlines() if line.startswith("| `")}
    sent = {name for row, private in fields.items() if "not sent" not in private for name in NAMES.findall(row)}
    assert telemetry.keys() == sent
    assert [telemetry[name] for name in ("answerTokensPerSecond", "peakMemory", "peakGpuMemory")] == [None] * 3
    assert all(seconds == int(seconds) for seconds in telemetry["seconds"].values())
    counted = [record.name for record in caplog.records if "rowsWithControlTokens" in record.message]
    assert counted == ["fedtrain.participant"], "not the logger whose last lines may leave"


def test_a_row_that_does_not_fit_the_base_model_is_empty_and_refuses_nothing(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub chooses the base model, so a refusal would show it a token or a length of a row. The update is noise
    alone, and it is not rounded to the base's BF16."""
    federation.training["precision"] = "BF16"
    monkeypatch.setattr(AdaptedModel, "positions", 1)
    update = federation.trained(samples=32, distinct=32, exampleNoise=example_noise())
    assert update.steps == 4
    values = torch.cat([one.flatten() for one in federation.weights(update).values()])
    assert values.dtype == torch.float32
    assert (values != values.bfloat16().float()).float().mean() > 0.9


def test_only_a_testing_seed_repeats_the_noise(federation: Federation) -> None:
    work = {"samples": 32, "distinct": 32, "exampleNoise": example_noise()}
    first, second = (federation.trained(attempt=attempt, **work) for attempt in (1, 2))
    assert first.digest != second.digest
    seeded = federation.trained(attempt=3, **work, testingSeed=1)
    other = Federation(federation.sibling("again"), Path(federation.model["base"]), classified(40))
    other.training = federation.training
    assert other.trained(attempt=3, **work, testingSeed=1).digest == seeded.digest
    assert federation.trained(attempt=4, **work, testingSeed=1).digest != seeded.digest


def test_a_second_execution_of_an_attempt_sends_no_other_noise(federation: Federation) -> None:
    work = federation.train_work(samples=32, distinct=32, exampleNoise=example_noise())
    assignment = federation.assignment(work, round=1)
    assert TaskLedger(federation.ledger, assignment.task).claim_noise("0" * 32)  # an execution that was killed
    outcome = federation.run(assignment)
    assert outcome.code == EXIT_RETRY
    assert "another execution of this attempt has drawn the noise" in outcome.reason
    assert federation.ledger.read(names.update(1, "a", 1), Update) is None
    assert list(federation.ledger.names("rounds/0001/updates/")) == [names.noise_draw(1, "a", 1)]
    assert federation.record(names.noise_draw(1, "a", 1), NoiseDraw).execution == "0" * 32


@pytest.mark.parametrize("listed", [{"samples": 320}, {"start": 16}, {"samples": 31}])
def test_refuse_a_task_that_does_not_list_each_row_once(federation: Federation, listed: dict[str, int]) -> None:
    """A row that is listed ten times is sampled and clipped ten times."""
    work = federation.train_work(**{"samples": 32, "distinct": 32, "exampleNoise": example_noise()} | listed)
    outcome = federation.run(federation.assignment(work, round=1))
    assert outcome.code == EXIT_REFUSED
    assert "privacy.unit: Example needs each of the 32 training rows of one data set once" in outcome.reason


def test_refuse_an_adapter_of_the_output_layer(tmp_path: Path, bases: dict[str, Path]) -> None:
    federation = Federation(tmp_path, bases["qwen2"], classified(40))
    federation.model["adapter"]["targetModules"] = {"type": "Names", "names": ["q_proj", "lm_head"]}
    work = federation.train_work(samples=32, distinct=32, exampleNoise=example_noise())
    outcome = federation.run(federation.assignment(work, round=1))
    assert outcome.code == EXIT_REFUSED
    assert "targetModules: base_model.model.lm_head.lora_A.weight adapts the output layer" in outcome.reason


def test_fixing_a_trains_b_alone(federation: Federation) -> None:
    work = {"samples": 32, "distinct": 32, "exampleNoise": example_noise(), "testingSeed": 1}
    assert all(".lora_B." in name for name in federation.weights(federation.trained(**work, trainOnlyB=True)))
