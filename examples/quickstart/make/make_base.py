"""Write ../base: a tokenizer and a small Llama-style model, both made from WordNet 3.0's definitions alone.

It reads every definition but the test texts (see ``check_leaks.py``) and never sees an answer: text is
``word: gloss``, end of text, next text. The budget is a number of tokens, so a slow machine makes the same model.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from wordnet import CLASSES, Tests, read

HERE = Path(__file__).parents[1]
SEED = 17
VOCABULARY = 3000
END, PAD = "<|end|>", "<|pad|>"
STEPS, BATCH, LENGTH = 1500, 32, 64
PEAK_RATE, WARMUP = 4e-3, 100


def glosses_of_test_rows(path: Path = HERE / "data" / "test.jsonl") -> list[str]:
    prompts = [json.loads(line)["prompt"] for line in path.read_text(encoding="utf-8").splitlines()]
    return [prompt.removesuffix(" =>").split(": ", 1)[1] for prompt in prompts]


def corpus() -> list[str]:
    """What the tokenizer and the model are made from: every definition that does not give a test text away."""
    tests = Tests(glosses_of_test_rows())
    return [row.text for row in read() if not tests.leak_into(row.text)]


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Each class's name is one token: a choice among them is decided by one logit each.
    labels = [f" {label}" for label in CLASSES] * 1000
    tokenizer.train_from_iterator([*texts, *labels, *[" =>"] * 1000], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, padding_side="right", model_max_length=256
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def windows(texts: list[str], tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> torch.Tensor:
    """STEPS * BATCH windows of LENGTH tokens: the texts in a seeded order, and in a new one after each pass."""
    encoded = [[*ids, tokenizer.eos_token_id] for ids in tokenizer(texts)["input_ids"]]
    wanted = STEPS * BATCH * LENGTH
    stream: list[int] = []
    while len(stream) < wanted:
        rng.shuffle(encoded)
        for ids in encoded:
            stream += ids
    return torch.tensor(stream[:wanted]).view(STEPS, BATCH, LENGTH)


def rate(step: int) -> float:
    if step < WARMUP:
        return PEAK_RATE * (step + 1) / WARMUP
    return PEAK_RATE * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "base")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)

    texts = corpus()
    tokenizer = make_tokenizer(texts)
    model = make_model(tokenizer)
    batches = windows(texts, tokenizer, random.Random(SEED))
    print(f"{len(texts)} texts, {batches.numel()} tokens, {model.num_parameters()} parameters", flush=True)

    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    start = time.monotonic()
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step}  loss {loss.item():.4f}  {time.monotonic() - start:.0f} s", flush=True)

    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    # The class's name that older releases of transformers know too.
    settings = arguments.out / "tokenizer_config.json"
    named = json.loads(settings.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings.write_text(json.dumps(named, indent=2) + "\n")


if __name__ == "__main__":
    main()
