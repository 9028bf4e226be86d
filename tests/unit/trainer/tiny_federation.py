"""Tiny models with random weights, a tokenizer trained on the spot, and a ledger in a folder."""

import json
import random
from pathlib import Path
from typing import Any

import torch
from fedtrain_trainer.lora import Models
from fedtrain_trainer.outcome import Outcome
from fedtrain_trainer.run import run_task
from safetensors.torch import load, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Evaluation, Initial
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.untrusted_records import Preflight, Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.task_ledger import TaskLedger

WORDS = ["cat", "dog", "oak", "fir", "iron", "tin", "rose", "lily", "crow", "owl", "salt", "gold"]
CLASSES = ["animal", "plant", "metal"]
ALMOST_NONE = 0.05
"""The smallest noise multiplier that has an epsilon."""
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def example_noise(**changes: Any) -> dict[str, Any]:
    """The noise of a task with `unit: Example`."""
    return {"probability": 0.25, "batch": 8, "steps": 4, "bound": 1.0, "multiplier": 1.0} | changes


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE over the words of the tests."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    raw.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    specials = ["<|eos|>", "<|start|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    raw.train_from_iterator([f"a {word} is => {kind}" for word in WORDS for kind in CLASSES] * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|eos|>",
        additional_special_tokens=["<|start|>", "<|end|>"],
        chat_template=TEMPLATE,
    )


def config(kind: str, vocabulary: int) -> PreTrainedConfig:
    sizes: dict[str, Any] = {"vocab_size": vocabulary, "bos_token_id": None, "eos_token_id": 0}
    if kind == "gpt2":
        return GPT2Config(
            n_embd=32, n_layer=2, n_head=4, n_positions=128, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **sizes
        )
    sizes |= {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"max_position_embeddings": 128, "num_key_value_heads": 2}
    return LlamaConfig(tie_word_embeddings=True, **sizes) if kind == "llama" else Qwen2Config(**sizes)


def saved_base(folder: Path, kind: str) -> Path:
    words = tokenizer()
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config(kind, len(words))).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def write_rows(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def classified(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows in PromptCompletion, prompts of different lengths."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        words = " ".join(chance.choices(WORDS, k=chance.randint(1, 5)))
        rows.append({"prompt": f"a {words} is =>", "completion": " " + CLASSES[len(words) % 3]})
    return rows


class Federation:
    """One participant's tasks against a ledger in a folder."""

    def __init__(self, folder: Path, base: Path, rows: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.data = write_rows(folder / "data.jsonl", rows)
        self.key = folder / "fingerprint.key"
        self.key.write_bytes(bytes(32))
        self.model: dict[str, Any] = {"base": str(base), "adapter": {"rank": 4, "alpha": 8.0}}
        self.format: dict[str, Any] = {"dataset": "words", "format": "PromptCompletion", "maxLength": 64}
        self.format["validationFraction"] = 0.2
        self.training: dict[str, Any] = {
            "length": {"type": "Steps", "steps": 4},
            "batchSize": 8,
            "learningRate": 5e-3,
        }
        self.storage = Storage(type="File", file=File(path=str(folder / "runs")))
        self.ledger: Ledger = open_ledger(self.storage, "default", "words")
        self.models = Models()
        self.phases: dict[str, None] = {}
        """Phases that the tasks reported, in order."""

    def assignment(
        self, work: dict[str, Any], *, round: int = 0, attempt: int = 1, participant: str | None = "a"
    ) -> Assignment:
        task = {
            "namespace": "default",
            "name": "words",
            "runId": "r1",
            "round": round,
            "attempt": attempt,
            "participant": None if work["type"] in ("Initialise", "Evaluate") else participant,
            "model": self.model,
            "data": self.format,
            "training": self.training,
            "work": work,
        }
        places = {
            "ledger": self.storage.model_dump(by_alias=True),
            "base": {"name": "base", "setting": "model.s3"},
            "data": [{"name": "data", "setting": "datasets[words].s3"}],
        }
        binding = {"dataUris": [str(self.data)], "places": places, "fingerprintKey": str(self.key)}
        return Assignment.model_validate({"task": task, "binding": binding})

    def run(self, assignment: Assignment) -> Outcome:
        return run_task(assignment, self._note, TaskLedger(self.ledger, assignment.task), models=self.models)

    def _note(self, phase: str, step: int, steps: int, loss: float | None = None) -> None:
        if steps:
            self.phases[phase] = None

    def initialised(self) -> Initial:
        assert self.run(self.assignment({"type": "Initialise", "seed": 17})).reason == ""
        return self.record(names.initial(), Initial)

    def inspected(self) -> Preflight:
        assert self.run(self.assignment({"type": "Inspect"})).reason == ""
        return self.record(names.preflight("a"), Preflight)

    def train_work(self, **changes: Any) -> dict[str, Any]:
        """The work of training on 16 rows from the start, initialised and inspected first."""
        initial, preflight = self.initialised(), self.inspected()
        return {
            "type": "Train",
            "adapter": initial.adapter,
            "config": initial.config,
            "fingerprint": preflight.fingerprint,
            "population": preflight.samples,
            "start": 0,
            "samples": 16,
            "distinct": 16,
            "seed": 5,
            "progressStart": 0.0,
            "progressEnd": 0.5,
            **changes,
        }

    def trained(self, attempt: int = 1, **changes: Any) -> Update:
        outcome = self.run(self.assignment(self.train_work(**changes), round=1, attempt=attempt))
        assert outcome.reason == ""
        return self.record(names.update(1, "a", attempt), Update)

    def evaluation(
        self, metrics: list[dict[str, Any]], adapter: str | None = None, k: int = 1, samples: int | None = None
    ) -> Assignment:
        initial = self.initialised()
        work = {"type": "Evaluate", "k": k, "adapter": adapter or initial.adapter, "config": initial.config}
        return self.assignment({**work, "metrics": metrics, "samples": samples})

    def evaluated(
        self, metrics: list[dict[str, Any]], adapter: str | None = None, k: int = 1, samples: int | None = None
    ) -> Evaluation:
        assert self.run(self.evaluation(metrics, adapter, k, samples)).reason == ""
        return self.record(names.evaluation(0, k), Evaluation)

    def record(self, name: str, kind: type[Any]) -> Any:
        record: Record | None = self.ledger.read(name, kind)
        assert record is not None
        return record

    def weights(self, update: Update) -> dict[str, torch.Tensor]:
        name = f"{names.update_folder(update.round, update.participant, update.attempt)}/{update.file}"
        reader = self.ledger.open(name)
        return load(bytes(reader.read(0, reader.size)))

    def blob_bytes(self, digest: str) -> bytes:
        reader = self.ledger.open_blob(digest)
        return bytes(reader.read(0, reader.size))

    def blob(self, digest: str) -> dict[str, torch.Tensor]:
        return load(self.blob_bytes(digest))

    def exported(self, initial: Initial, update: dict[str, torch.Tensor]) -> Path:
        """The initial adapter plus an update as a folder for PEFT."""
        folder = self.sibling("adapter")
        weights = {name: tensor + update.get(name, 0) for name, tensor in self.blob(initial.adapter).items()}
        save_file(weights, folder / "adapter_model.safetensors")
        (folder / "adapter_config.json").write_bytes(self.blob_bytes(initial.config))
        return folder

    def encoded(self) -> list[tuple[list[int], list[int]]]:
        """The rows of the file as (ids, labels), tokenised without any of the trainer's code."""
        words = tokenizer()
        rows: list[tuple[list[int], list[int]]] = []
        for line in self.data.read_text().splitlines():
            row = json.loads(line)
            prompt, completion = words(row["prompt"])["input_ids"], words(row["completion"])["input_ids"]
            rows.append((prompt + completion + [0], [-100] * len(prompt) + completion + [0]))
        return rows

    def sibling(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder
