"""ExactMatch: greedy generation; what `pattern` finds in it must be what it finds in the answer."""

import re
from collections.abc import Callable, Sequence

import torch

from fedtrain.api.evaluation import ExactMatch
from fedtrain.data.row import Row, answer
from fedtrain_trainer.batches import TOKENS
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.precision import computing


def compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Refused(f"exactMatch.pattern {pattern!r}: not a regular expression: {error}") from error


def wanted(pattern: re.Pattern[str], rows: Sequence[Row]) -> list[str]:
    """What the pattern finds in each row's answer. Raises Refused naming the row where it finds nothing."""
    found: list[str] = []
    for row in rows:
        part = first_group(pattern, answer(row))
        if part is None:
            raise Refused(f"{row.where}: exactMatch.pattern {pattern.pattern!r} finds nothing in the answer")
        found.append(part)
    return found


def first_group(pattern: re.Pattern[str], text: str) -> str | None:
    """The first group of the first match, the whole match if the pattern has no group; None without a match."""
    match = pattern.search(text)
    return None if match is None else match.group(1 if pattern.groups else 0)


@torch.inference_mode()
def matches(
    model: AdaptedModel,
    prompts: Sequence[list[int]],
    answers: Sequence[str],
    metric: ExactMatch,
    dtype: torch.dtype,
    told: Callable[[int, int], None],
) -> list[bool]:
    """For each prompt, whether the text generated after it matches its answer."""
    from transformers import GenerationConfig

    model.module.eval()
    pattern = compiled(metric.pattern)
    end = model.tokenizer.eos_token_id
    pad = model.tokenizer.pad_token_id if model.tokenizer.pad_token_id is not None else end or 0
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=metric.max_new_tokens,
        eos_token_id=_ends(model),
        pad_token_id=pad,
        bos_token_id=model.tokenizer.bos_token_id,
    )
    results = [False] * len(prompts)
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
            results[number] = first_group(pattern, text) == answers[number]
        at += len(taken)
        told(at, len(numbers))
    return results


def _ends(model: AdaptedModel) -> list[int] | None:
    """Tokens that end a text: the tokenizer's, and what the base model's own settings add (end of turn)."""
    own = getattr(model.module.generation_config, "eos_token_id", None)
    listed = own if isinstance(own, list) else [own]
    ends = {token for token in [*listed, model.tokenizer.eos_token_id] if token is not None}
    return sorted(ends) or None
