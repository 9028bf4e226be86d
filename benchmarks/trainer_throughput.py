"""Tokens a second of the trainer against a plain transformers + peft loop, on this machine.

    python benchmarks/trainer_throughput.py [--smoke]

Both train the same LoRA on the same rows of prompt and completion with the same micro-batches: a Llama-style model
with random weights, a step of 200 ms or more. Runs are interleaved, the medians are compared. The plain loop is the
one that transformers' and peft's documentation show: padded batches with a mask, labels, AdamW over the adapter,
gradient clipping. Once with answers of a quarter of each row, where the trainer gains by computing logits of answers
alone, and once with whole texts. Exit code 1 when a ratio is below the target.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fedtrain_trainer.adapter_files import config_of
from fedtrain_trainer.examples import Example
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel, Models, initial_weights
from fedtrain_trainer.memory import Fit
from fedtrain_trainer.outcome import silent
from fedtrain_trainer.training import train
from peft import PeftModel, get_peft_model
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from fedtrain.adapters.quiet import quiet
from fedtrain.api.model import Adapter, Model
from fedtrain.api.training import Length, Training
from fedtrain.contracts.tasks import Train

TARGET = 0.97
VOCABULARY = 8000
BATCH, MICRO = 16, 8
DIGEST = "blake3:" + "0" * 64


def saved_base(folder: Path, hidden: int, layers: int) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=hidden * 3,
        num_hidden_layers=layers,
        num_attention_heads=8,
        tie_word_embeddings=True,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(folder)
    return folder


def rows(count: int, longest: int, answered: float) -> list[Example]:
    """Rows of a half to the whole of `longest` tokens; the last `answered` of each, a share, is the answer."""
    chance = random.Random(1)
    found: list[Example] = []
    for _ in range(count):
        length = chance.randint(longest // 2, longest)
        ids = [chance.randrange(VOCABULARY) for _ in range(length)]
        found.append(Example(ids, list(range(max(1, length - int(length * answered)), length))))
    return found


def plain_loop(model: PeftModel, examples: list[Example], steps: int) -> None:
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4)
    model.train()
    for step in range(steps):
        batch = examples[step * BATCH : (step + 1) * BATCH]
        for start in range(0, BATCH, MICRO):
            loss = model(**padded(batch[start : start + MICRO])).loss / (BATCH // MICRO)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()


def padded(batch: list[Example]) -> dict[str, torch.Tensor]:
    longest = max(len(example.ids) for example in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        labels[row, example.targets] = ids[row, example.targets]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def trainers_loop(model: AdaptedModel, examples: list[Example], steps: int) -> None:
    work = Train(
        adapter=DIGEST,
        config=DIGEST,
        fingerprint=DIGEST,
        population=len(examples),
        start=0,
        samples=len(examples),
        distinct=len(examples),
        seed=1,
        progress_start=0.0,
        progress_end=1.0,
    )
    training = Training(length=Length(type="Steps", steps=steps), batch_size=BATCH, learning_rate=1e-4)
    model.load(initial_weights(model, 1))
    train(
        model,
        [[example] for example in examples],
        Round(work, training, torch.float32, Fit(MICRO, False), None),
        Group(),
        silent,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few seconds; the ratio is then not a measurement")
    smoke = parser.parse_args().smoke
    hidden, layers, longest, steps, repeats = (32, 1, 32, 1, 1) if smoke else (256, 4, 128, 3, 5)
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        base = saved_base(Path(folder), hidden, layers)
        config = config_of(Model(base=str(base), adapter=Adapter(rank=8, alpha=16.0)))
        ours: Any = Models().get(base, config, torch.float32, torch.device("cpu"))
        plain: Any = get_peft_model(
            AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            config_of(Model(base=str(base), adapter=Adapter(rank=8, alpha=16.0))),
        )
    ratios = [
        measured(
            plain, ours, rows(BATCH * steps, longest, answered), steps, repeats, f"answers {answered:.0%} of a row"
        )
        for answered in (0.25, 1.0)
    ]
    return 0 if smoke or min(ratios) >= TARGET else 1


def measured(
    plain: PeftModel, ours: AdaptedModel, examples: list[Example], steps: int, repeats: int, what: str
) -> float:
    """The trainer's tokens a second over the plain loop's; prints both. Runs once more than `repeats`, to warm up."""
    tokens = sum(len(example.ids) for example in examples)
    arms: dict[str, Callable[[], None]] = {
        "plain loop": lambda: plain_loop(plain, examples, steps),
        "trainer": lambda: trainers_loop(ours, examples, steps),
    }
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for repeat in range(repeats + 1):
        for name, run in arms.items():
            start = time.perf_counter()
            run()
            if repeat > 0:
                seconds[name].append(time.perf_counter() - start)
    rates = {name: tokens / statistics.median(taken) for name, taken in seconds.items()}
    print(what)
    for name, rate in rates.items():
        step = 1000 * statistics.median(seconds[name]) / steps
        print(f"  {name:>10}: {rate:8.0f} tokens/s, {step:.0f} ms a step")
    ratio = rates["trainer"] / rates["plain loop"]
    print(f"  {'ratio':>10}: {ratio:8.2f} (target: at least {TARGET})")
    return ratio


if __name__ == "__main__":
    sys.exit(main())
