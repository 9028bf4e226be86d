"""ExactMatch: what `pattern` finds in the generated text must equal what it finds in the answer."""

import re
from collections.abc import Callable, Sequence

import torch

from fedtrain.api.evaluation import ExactMatch
from fedtrain.data.row import Row, answer
from fedtrain_trainer.generation import generate
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused


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


def matches(
    model: AdaptedModel,
    prompts: Sequence[list[int]],
    answers: Sequence[str],
    metric: ExactMatch,
    dtype: torch.dtype,
    report: Callable[[int, int], None],
) -> list[bool]:
    """For each prompt, whether the text generated after it matches its answer."""
    pattern = compiled(metric.pattern)
    texts = generate(model, prompts, metric.max_new_tokens, dtype, report)
    return [first_group(pattern, text) == answer for text, answer in zip(texts, answers, strict=True)]
