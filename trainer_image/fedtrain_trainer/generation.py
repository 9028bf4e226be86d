"""Greedy generation for many prompts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from fedtrain_trainer.batches import TOKENS
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Retry
from fedtrain_trainer.precision import computing

if TYPE_CHECKING:
    from transformers import GenerationConfig

CACHED = 8 * TOKENS
"""Prompt and new tokens of a batch, whose keys and values are kept. Constant for the same reason as `TOKENS`. Larger,
because keys and values are small beside activations, and small batches are slow."""


class OutOfMemory(Retry):
    """Not even one prompt at a time fits into memory. `fix`: as an instruction."""

    def __init__(self, fix: str) -> None:
        super().__init__(f"out of memory, even with one prompt at a time; {fix}")


@torch.inference_mode()
def generate(
    model: AdaptedModel,
    prompts: Sequence[list[int]],
    max_new_tokens: int,
    dtype: torch.dtype,
    report: Callable[[int, int], None],
) -> list[str]:
    """Return the text that follows each prompt, without special tokens. `report` gets the number of finished and of
    all prompts. Raises OutOfMemory."""
    from transformers import GenerationConfig

    model.module.eval()
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=_ends(model),
        pad_token_id=_padding(model),
        bos_token_id=model.tokenizer.bos_token_id,
    )
    results = [""] * len(prompts)
    numbers = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
    at, most = 0, len(prompts)
    while at < len(numbers):
        longest = max(1, len(prompts[numbers[at]]))
        rows = min(most, TOKENS // longest, CACHED // (longest + max_new_tokens))
        taken = numbers[at : at + max(1, rows)]
        try:
            texts = _continued(model, [prompts[number] for number in taken], settings, dtype)
        except torch.OutOfMemoryError:
            if len(taken) == 1:
                raise OutOfMemory("lower `data.maxLength`") from None
            most = len(taken) // 2
            continue
        for number, text in zip(taken, texts, strict=True):
            results[number] = text
        at += len(taken)
        report(at, len(numbers))
    return results


def _continued(
    model: AdaptedModel, prompts: Sequence[list[int]], settings: "GenerationConfig", dtype: torch.dtype
) -> list[str]:
    """Return the text that follows each prompt of a batch, the longest prompt first."""
    pad, longest = settings.pad_token_id, max(1, len(prompts[0]))
    ids = torch.full((len(prompts), longest), pad)
    mask = torch.zeros_like(ids)
    for line, tokens in enumerate(prompts):
        prompt = torch.tensor(tokens or [pad])
        ids[line, longest - len(prompt) :] = prompt
        mask[line, longest - len(prompt) :] = 1
    with computing(dtype, model.device):
        written = model.module.generate(
            ids.to(model.device), attention_mask=mask.to(model.device), generation_config=settings
        )
    return model.tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True)


def _padding(model: AdaptedModel) -> int:
    """The token that fills shorter prompts. Masked, so any with weights will do."""
    usual = (model.tokenizer.pad_token_id, model.tokenizer.eos_token_id)
    return next((token for token in usual if token is not None and token < model.tokens), 0)


def _ends(model: AdaptedModel) -> list[int] | None:
    """Tokens that end a text: the tokenizer's, and what the base model's own settings add (end of turn)."""
    own = getattr(model.module.generation_config, "eos_token_id", None)
    listed = own if isinstance(own, list) else [own]
    ends = {token for token in [*listed, model.tokenizer.eos_token_id] if token is not None}
    return sorted(ends) or None
