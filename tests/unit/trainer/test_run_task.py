"""Whole tasks against a ledger in a folder."""

import errno
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fedtrain_trainer.batches import steps
from fedtrain_trainer.context import Context
from fedtrain_trainer.group import Group
from fedtrain_trainer.outcome import Interrupted, silent
from fedtrain_trainer.run import run_task
from peft import PeftModel
from tiny_federation import Federation, classified, write_rows
from transformers import AutoModelForCausalLM

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_REFUSED, EXIT_RETRY
from fedtrain.contracts.untrusted_records import Measurement, Update
from fedtrain.data.mixed_rows import DatasetRows, fingerprint_of
from fedtrain.data.reader import read_rows
from fedtrain.data.row import digest_of_rows
from fedtrain.ledger.store import StoreUnavailable
from fedtrain.ledger.task_ledger import TaskLedger
from fedtrain.partitioning import split_indices, window_indices

LOSS = {"name": "loss", "type": "Loss"}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2"])
def test_a_round_lowers_the_loss_and_peft_loads_its_result(kind: str, tmp_path: Path, bases: dict[str, Path]) -> None:
    federation = Federation(tmp_path, bases[kind], classified(40))
    initial = federation.initialised()
    update = federation.trained(metrics=[LOSS])
    assert update.validation_loss is not None
    assert update.validation_loss < update.received["loss"]
    assert (update.steps, update.samples, update.distinct) == (4, 16, 16)
    folder = federation.exported(initial, federation.weights(update))
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(bases[kind]), str(folder))
    assert model.peft_config["default"].base_model_name_or_path == str(bases[kind])
    assert reference_loss(federation, model) == pytest.approx(update.validation_loss, rel=1e-4)


def test_a_reason_with_a_file_name_that_is_not_unicode_can_be_recorded(federation: Federation, tmp_path: Path) -> None:
    federation.data = tmp_path / "rows"
    federation.data.mkdir()
    (federation.data / "\udcff.log").write_text("")
    outcome = federation.run(federation.assignment({"type": "Inspect"}))
    assert outcome.code == EXIT_REFUSED
    assert outcome.reason.startswith("\\udcff.log: unknown file type")


def test_the_initial_adapter_is_the_base_model_and_depends_on_the_seed_alone(federation: Federation) -> None:
    initial = federation.initialised()
    weights = federation.blob(initial.adapter)
    assert all(bool((tensor == 0).all()) == ("lora_B" in name) for name, tensor in weights.items())
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    config = json.loads(federation.blob_bytes(initial.config))
    assert config["target_modules"] == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    assert (config["r"], config["lora_alpha"], config["inference_mode"]) == (4, 8, True)
    assert initial.facts.adapter_parameters == sum(tensor.numel() for tensor in weights.values())
    assert (initial.facts.hidden_size, initial.facts.layers) == (32, 2)
    torch.manual_seed(999)
    other = Federation(federation.sibling("again"), Path(federation.model["base"]), classified(3))
    assert other.initialised() == initial
    third = Federation(federation.sibling("third"), Path(federation.model["base"]), classified(3))
    third.run(third.assignment({"type": "Initialise", "seed": 18}))
    assert third.initialised().adapter != initial.adapter


def test_one_round_is_what_a_plain_loop_over_peft_gives(federation: Federation) -> None:
    federation.training.update(warmupRatio=0.2, weightDecay=0.01, maxGradNorm=0.5, schedule="Linear")
    update = federation.trained(progressStart=0.1, progressEnd=0.3)
    expected = plain_loop(federation)
    for name, tensor in federation.weights(update).items():
        assert torch.allclose(tensor, expected[name], atol=2e-5), name


def test_the_same_task_gives_the_same_bytes_with_one_and_two_threads(federation: Federation) -> None:
    federation.model["adapter"]["dropout"] = 0.1
    first = federation.trained(attempt=1)
    torch.set_num_threads(2)
    try:
        second = federation.trained(attempt=2)
    finally:
        torch.set_num_threads(1)
    assert second.digest == first.digest
    assert second.model_dump(exclude={"attempt", "file"}) == first.model_dump(exclude={"attempt", "file"})
    assert federation.trained(attempt=3, seed=6).digest != first.digest


def test_the_micro_batch_and_checkpointing_change_nothing_but_the_last_bits(federation: Federation) -> None:
    results = []
    for attempt, changes in enumerate(
        [{"microBatchSize": 8}, {"microBatchSize": 3}, {}, {"gradientCheckpointing": "Enabled"}], start=1
    ):
        plain = dict(federation.training)
        federation.training.update(changes)
        results.append(federation.weights(federation.trained(attempt=attempt)))
        federation.training = plain
    for other in results[1:]:
        assert all(torch.allclose(other[name], tensor, atol=2e-5) for name, tensor in results[0].items())


def test_freezing_a_sends_b_alone(federation: Federation) -> None:
    weights = federation.weights(federation.trained(trainOnlyB=True))
    assert weights
    assert all(".lora_B." in name for name in weights)


def test_fedprox_adds_the_gradient_of_half_mu_times_the_squared_distance(federation: Federation) -> None:
    federation.training.update(optimizer="SGD", schedule="Constant", learningRate=0.5, maxGradNorm=1e9)
    federation.training["length"]["steps"] = 2
    plain = federation.weights(federation.trained(attempt=1))
    drawn = federation.weights(federation.trained(attempt=2, proximalMu=0.3))
    federation.training["length"]["steps"] = 1
    first = federation.weights(federation.trained(attempt=3))
    for name, tensor in drawn.items():  # the second step's gradient gains mu (w - w_global)
        assert torch.allclose(tensor, plain[name] - 0.5 * 0.3 * first[name], atol=1e-6), name


def test_keep_best_sends_the_checkpoint_with_the_lowest_validation_loss(federation: Federation) -> None:
    federation.training.update(learningRate=0.3, schedule="Constant")  # far too high: the first steps are the best
    federation.training["length"]["steps"] = 16
    last = federation.trained(attempt=1)
    federation.training["keep"] = "Best"
    best = federation.trained(attempt=2)
    assert best.validation_loss is not None
    assert last.validation_loss is not None
    assert best.validation_loss < last.validation_loss
    assert best.digest != last.digest


def test_steps_of_the_validation_are_no_steps_of_the_training(federation: Federation) -> None:
    federation.training["keep"] = "Best"
    assignment = federation.assignment(federation.train_work(), round=1)
    reported: list[tuple[str, int, int]] = []

    def note(phase: str, step: int, steps: int, loss: float | None = None) -> None:
        reported.append((phase, step, steps))

    store = TaskLedger(federation.ledger, assignment.task)
    outcome = run_task(assignment, note, store, models=federation.models)
    assert outcome.code == EXIT_DONE
    assert [report[1:] for report in reported if report[0] == "training"] == [(0, 0), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert reported.count(("validating", 1, 1)) == 4
    assert outcome.seconds["validating"] > 0


def test_a_phase_within_another_is_timed_apart(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    assignment = federation.assignment({"type": "Inspect"})
    context = Context(assignment, None, Group(), None, silent, federation.folder)
    now = [0.0]
    monkeypatch.setattr("fedtrain_trainer.context.time", SimpleNamespace(perf_counter=lambda: now[0]))
    with context.timed("training"):
        now[0] += 1
        for _ in range(2):
            with context.timed("validating"):
                now[0] += 10
        now[0] += 2
    with context.timed("training"):
        now[0] += 4
    assert context.seconds == {"training": 7, "validating": 20}


def test_epochs_pass_over_the_slice_in_parts_too(federation: Federation) -> None:
    federation.training["length"] = {"type": "Epochs", "epochs": 1.5}
    assert federation.trained().steps == 3  # 24 of 16 rows, 8 at a time


def test_every_cycle_uses_every_row_once_in_another_order() -> None:
    batches = [list(batch) for batch in steps(10, 4, 20, seed=1)]
    assert [len(batch) for batch in batches] == [4] * 5
    stream = [row for batch in batches for row in batch]
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert stream[:10] != stream[10:]


def test_an_existing_record_is_adopted(federation: Federation) -> None:
    first = federation.trained()
    seconds = federation.run(federation.assignment(federation.train_work(seed=99), round=1)).seconds
    assert "training" not in seconds
    assert federation.record(names.update(1, "a", 1), Update) == first


def test_the_final_adapter_is_measured_on_the_validation_split(federation: Federation) -> None:
    received = federation.trained(metrics=[LOSS]).received
    work = federation.train_work()
    wanted = {key: work[key] for key in ("adapter", "config", "fingerprint")}
    assignment = federation.assignment({"type": "Measure", **wanted, "metrics": [LOSS]}, round=1)
    assert federation.run(assignment).reason == ""
    assert federation.record(names.measurement(1, "a"), Measurement).metrics == received


def test_changed_data_are_refused(federation: Federation) -> None:
    work = federation.train_work()
    write_rows(federation.data, classified(40, seed=1))
    refused = federation.run(federation.assignment(work, round=1))
    assert refused.code == EXIT_REFUSED
    assert "the data changed since the run began" in refused.reason


def test_the_refusal_to_measure_changed_data_names_the_rows_of_now_alone(federation: Federation) -> None:
    """The task does not say how many rows there were."""
    work = federation.train_work()
    write_rows(federation.data, classified(30))
    wanted = {key: work[key] for key in ("adapter", "config", "fingerprint")}
    refused = federation.run(federation.assignment({"type": "Measure", **wanted, "metrics": [LOSS]}, round=1))
    assert refused.code == EXIT_REFUSED
    assert refused.reason == (
        "the data changed since the run began: 24 training rows now, not the ones that the run began with; put the old "
        "data back, or start a run of a new name"
    )


def test_the_fingerprint_needs_the_participants_key(federation: Federation) -> None:
    before = federation.inspected().fingerprint
    rows = read_rows(str(federation.data), "PromptCompletion")
    assert before != digest_of_rows(rows), "who guesses all rows could confirm them"
    assert before == fingerprint_of([DatasetRows("words", rows)], "a", bytes(32))
    work = federation.train_work()
    federation.key.write_bytes(bytes([1]) * 32)
    assert "but other ones" in federation.run(federation.assignment(work, round=1)).reason
    for content in (b"short", None):
        federation.key.unlink() if content is None else federation.key.write_bytes(content)
        refused = federation.run(federation.assignment(work, round=1))
        assert refused.code == EXIT_REFUSED
        assert "fingerprint key of this participant" in refused.reason
    without = federation.assignment(work, round=1)
    binding = without.binding.model_copy(update={"fingerprint_key": None})
    assert "no key for the fingerprint" in federation.run(without.model_copy(update={"binding": binding})).reason


def test_a_slice_with_fewer_distinct_rows_than_the_task_says_is_refused(federation: Federation) -> None:
    for work in (federation.train_work(samples=1), federation.train_work(samples=16, distinct=15)):
        refused = federation.run(federation.assignment(work, round=1))
        assert "distinct rows, but its slice has" in refused.reason


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("r", 2, "r is 2, not 4"),
        ("lora_alpha", 800, "lora_alpha is 800, not 8"),
        ("lora_dropout", 0.5, "lora_dropout is 0.5, not 0.0"),
        ("target_modules", ["q_proj"], 'target_modules is ["q_proj"], not ["down_proj", "gate_proj", '),
        ("exclude_modules", ["lm_head"], 'exclude_modules is ["lm_head"], not null'),
        ("layers_to_transform", [0], "layers_to_transform is [0], not null"),
        ("alpha_pattern", {"q_proj": 800}, 'alpha_pattern is {"q_proj": 800}, not {}'),
        ("use_rslora", True, "use_rslora is true, not false"),
        ("lora_bias", True, "lora_bias is true, not false"),
        ("trainable_token_indices", [1], "trainable_token_indices is [1], not null"),
        ("megatron_core", "antigravity", 'megatron_core is "antigravity", not "megatron.core"'),
        ("modules_to_save", ["lm_head"], "plain LoRA only"),
        ("use_dora", True, "plain LoRA only"),
    ],
)
def test_a_config_of_another_adapter_than_the_task_says_is_refused(
    federation: Federation, field: str, value: object, reason: str
) -> None:
    work = federation.train_work()
    config = federation.folder / "other.json"
    config.write_text(json.dumps(json.loads(federation.blob_bytes(work["config"])) | {field: value}))
    work["config"] = federation.ledger.put_blob(config)
    refused = federation.run(federation.assignment(work, round=1))
    assert refused.code == EXIT_REFUSED
    assert reason in refused.reason


def test_a_loss_that_is_not_a_number_is_refused_with_its_step(federation: Federation) -> None:
    federation.training.update(learningRate=1e38, optimizer="SGD", schedule="Constant", maxGradNorm=1e38)
    refused = federation.run(federation.assignment(federation.train_work(), round=1))
    assert refused.code == EXIT_REFUSED
    assert "at step 2 of 4" in refused.reason
    assert "learningRate" in refused.reason


def test_fp16_needs_a_gpu(federation: Federation) -> None:
    work = federation.train_work()
    federation.training["precision"] = "FP16"
    if not torch.cuda.is_available():
        assert "needs a GPU" in federation.run(federation.assignment(work, round=1)).reason


def test_bf16_trains_on_cpu_and_sends_fp32(federation: Federation) -> None:
    federation.training["precision"] = "BF16"
    update = federation.trained(metrics=[LOSS])
    assert update.train_loss is not None
    assert math.isfinite(update.train_loss)
    assert {tensor.dtype for tensor in federation.weights(update).values()} == {torch.float32}


def test_rows_cut_off_before_their_answer_are_counted_or_refused(federation: Federation) -> None:
    federation.format.update(format="Messages", maxLength=40)
    short = [{"role": "user", "content": "a cat"}, {"role": "assistant", "content": " animal"}]
    long = [{"role": "user", "content": "a cat " * 30}, {"role": "assistant", "content": " animal"}]
    write_rows(federation.data, [{"messages": short}, {"messages": long}] * 10)
    federation.trained()
    telemetry = json.loads(federation.ledger.store.get("default/words/telemetry/rounds/0001/a-1/trainer.json"))
    assert telemetry["rowsWithoutAnswer.training"] > 0
    other = Federation(federation.sibling("long"), Path(federation.model["base"]), [{"messages": long}] * 10)
    other.format = federation.format
    refused = other.run(other.assignment(other.train_work(samples=4, distinct=4), round=1))
    assert refused.code == EXIT_REFUSED
    assert "has an answer token left within data.maxLength 40" in refused.reason


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (StoreUnavailable("file:///x: not there"), EXIT_RETRY, "not there"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            EXIT_RETRY,
            "is full (No space left on device). Free some space",
        ),
        (torch.OutOfMemoryError("CUDA out of memory"), EXIT_RETRY, "out of memory"),
        (Interrupted("SIGTERM"), EXIT_RETRY, "interrupted: SIGTERM"),
    ],
)
def test_what_may_heal_is_worth_another_try(
    federation: Federation, error: BaseException, code: int, reason: str
) -> None:
    work = federation.train_work()
    assignment = federation.assignment(work, round=1)

    class Failing(TaskLedger):
        def put_update(self, path: Path) -> tuple[str, str, int]:
            raise error

    outcome = run_task(assignment, store=Failing(federation.ledger, assignment.task), models=federation.models)
    assert outcome.code == code
    assert reason in outcome.reason
    assert federation.run(assignment).code == EXIT_DONE


def test_rows_longer_than_the_base_model_reads_are_refused(tmp_path: Path, bases: dict[str, Path]) -> None:
    federation = Federation(tmp_path, bases["gpt2"], [{"prompt": "x" * 300, "completion": " animal"}] * 9)
    federation.format["maxLength"] = 200
    refused = federation.run(federation.assignment(federation.train_work(samples=4, distinct=4), round=1))
    assert refused.code == EXIT_REFUSED
    assert (
        "200 tokens are more than the base model's 128; set `data.maxLength: 128`, and start a new run with another "
        "`metadata.name`" in refused.reason
    )


def plain_loop(federation: Federation) -> dict[str, torch.Tensor]:
    """Four steps as anyone would write them: all logits, padded batches with a mask, one AdamW over all parameters."""
    work = federation.train_work()
    initial = federation.initialised()
    folder = federation.exported(initial, {})
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(federation.model["base"]), str(folder), is_trainable=True
    )
    rows = federation.encoded()
    train, _ = split_indices(len(rows), 0.2, 17, "a")
    window = [rows[train[at]] for at in window_indices(len(train), 17, "a", 0, 16)]
    weights = {n.replace(".default.", "."): p for n, p in model.named_parameters() if p.requires_grad}
    before = {name: parameter.detach().clone() for name, parameter in weights.items()}
    optimizer = torch.optim.AdamW(weights.values(), lr=5e-3, weight_decay=0.01)
    for step, indices in enumerate(steps(16, 8, 32, seed=work["seed"])):
        loss = batch_loss(model, [window[index] for index in indices])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 0.5)
        at = 0.1 + 0.2 * (step + 0.5) / 4
        optimizer.param_groups[0]["lr"] = 5e-3 * (at / 0.2 if at < 0.2 else (1 - at) / 0.8)
        optimizer.step()
    return {name: parameter.detach() - before[name] for name, parameter in weights.items()}


def reference_loss(federation: Federation, model: torch.nn.Module) -> float:
    rows = federation.encoded()
    _, held_out = split_indices(len(rows), 0.2, 17, "a")
    with torch.no_grad():
        return batch_loss(model, [rows[at] for at in held_out]).item()


def batch_loss(model: torch.nn.Module, rows: list[tuple[list[int], list[int]]]) -> torch.Tensor:
    """transformers' own loss over rows of (ids, labels)."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows])
    labels = torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in rows])
    return model(input_ids=ids, attention_mask=mask, labels=labels).loss


def test_the_rows_that_the_reference_uses_are_those_of_the_file(federation: Federation) -> None:
    assert len(federation.encoded()) == len(read_rows(str(federation.data), "PromptCompletion"))
