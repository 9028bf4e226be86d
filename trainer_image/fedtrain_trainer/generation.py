"""Greedy generation for many prompts."""

from collections.abc import Callable, Sequence

import torch

from fedtrain_trainer.batches import TOKENS
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.precision import computing


@torch.inference_mode()
def generate(
    model: AdaptedModel,
    prompts: Sequence[list[int]],
    max_new_tokens: int,
    dtype: torch.dtype,
    report: Callable[[int, int], None],
) -> list[str]:
    """Return the text that follows each prompt, without special tokens. `report` gets the number of finished and of
    all prompts."""
    from transformers import GenerationConfig

    model.module.eval()
    model.check_ids(max((max(prompt) for prompt in prompts if prompt), default=0))
    pad = _padding(model)
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=_ends(model),
        pad_token_id=pad,
        bos_token_id=model.tokenizer.bos_token_id,
    )
    results = [""] * len(prompts)
    numbers = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
    at = 0
    while at < len(numbers):
        longest = max(1, len(prompts[numbers[at]]))
        taken = numbers[at : at + max(1, TOKENS // longest)]
        ids = torch.full((len(taken), longest), pad)
        mask = torch.zeros_like(ids)
        for line, number in enumerate(taken):
            prompt = torch.tensor(prompts[number] or [pad])
            ids[line, longest - len(prompt) :] = prompt
            mask[line, longest - len(prompt) :] = 1
        with computing(dtype, model.device):
            written = model.module.generate(
                ids.to(model.device), attention_mask=mask.to(model.device), generation_config=settings
            )
        texts = model.tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True)
        for number, text in zip(taken, texts, strict=True):
            results[number] = text
        at += len(taken)
        report(at, len(numbers))
    return results


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
