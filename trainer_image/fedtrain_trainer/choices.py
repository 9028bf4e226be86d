"""Choices: is the right answer the likeliest of those on offer?

An answer's score is the summed log-likelihood of its tokens. Log-likelihoods are never above 0, so that of the first
token bounds the whole, and one pass over the prompts gives this bound for all answers. Answers are then scored whole
from the most promising on, until none that is left could still win: the result is exact, and few are ever scored.
"""

from collections.abc import Callable, Sequence

import torch

from fedtrain_trainer.batches import collate, micro_batches
from fedtrain_trainer.examples import Example, Question
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.precision import computing
from fedtrain_trainer.rows import Row, answer

MAX_CHOICES = 100


def options(rows: Sequence[Row]) -> list[list[str]]:
    """What each row chooses from: its own `choices`, or all different answers in the data, sorted."""
    everywhere: list[str] = []
    if any("choices" not in row.fields for row in rows):
        everywhere = sorted({answer(row) for row in rows})
        if not 2 <= len(everywhere) <= MAX_CHOICES:
            raise Refused(
                f"the metric Choices needs 2 to {MAX_CHOICES} different answers in the data, and there are "
                f'{len(everywhere)}; give each row a field "choices"'
            )
    found: list[list[str]] = []
    for row in rows:
        own = row.fields.get("choices", everywhere)
        if answer(row) not in own:
            raise Refused(f'{row.where}: the answer {answer(row)!r} is not among its "choices"')
        found.append(own)
    return found


@torch.inference_mode()
def right(
    model: AdaptedModel,
    questions: Sequence[Question],
    dtype: torch.dtype,
    told: Callable[[int, int], None],
) -> list[bool]:
    """For each question, whether the right answer has the highest score (of equals, the first wins)."""
    model.module.eval()
    bounds = _first_tokens(model, questions, dtype)
    scores = [
        [bound if len(reply) == 1 else None for bound, reply in zip(bound_of, question.answers, strict=True)]
        for bound_of, question in zip(bounds, questions, strict=True)
    ]
    open_pairs = _next(bounds, scores)
    while open_pairs:
        told(len(questions) - len(open_pairs), len(questions))
        asked = [questions[row] for row, _ in open_pairs]
        whole = [
            _example(question, question.answers[option])
            for question, (_, option) in zip(asked, open_pairs, strict=True)
        ]
        for (row, option), score in zip(open_pairs, _scores(model, whole, dtype), strict=True):
            scores[row][option] = score
        open_pairs = _next(bounds, scores)
    told(len(questions), len(questions))
    return [_best(score) == question.right for score, question in zip(scores, questions, strict=True)]


def _next(bounds: list[list[float]], scores: list[list[float | None]]) -> list[tuple[int, int]]:
    """For each question not decided yet, its most promising answer without a score."""
    pairs: list[tuple[int, int]] = []
    for row, (bound_of, score_of) in enumerate(zip(bounds, scores, strict=True)):
        best = max((score for score in score_of if score is not None), default=float("-inf"))
        waiting = [option for option, score in enumerate(score_of) if score is None and bound_of[option] >= best]
        if waiting:
            pairs.append((row, max(waiting, key=lambda option: bound_of[option])))
    return pairs


def _best(scores: list[float | None]) -> int:
    return max(range(len(scores)), key=lambda option: float("-inf") if (s := scores[option]) is None else s)


def _example(question: Question, reply: list[int]) -> Example:
    start = len(question.prompt)
    ids = question.prompt + reply
    return Example(ids, [position for position in range(start, len(ids)) if position > 0])


def _first_tokens(model: AdaptedModel, questions: Sequence[Question], dtype: torch.dtype) -> list[list[float]]:
    """Log-likelihood of the first token of every answer; 0, the weakest bound, after an empty prompt."""
    bounds: list[list[float]] = [[0.0] * len(question.answers) for question in questions]
    examples: list[Example] = []
    numbers: dict[int, int] = {}
    for number, question in enumerate(questions):
        if question.prompt:
            example = _example(question, question.answers[0][:1])
            numbers[id(example)] = number
            examples.append(example)
    for micro in micro_batches(examples, 0, 1, None):
        logs = _log_likelihoods(model, micro, dtype)
        for line, example in zip(logs, micro, strict=True):
            number = numbers[id(example)]
            first = [reply[0] for reply in questions[number].answers]
            bounds[number] = line[torch.tensor(first, device=line.device)].tolist()
    return bounds


def _scores(model: AdaptedModel, examples: list[Example], dtype: torch.dtype) -> list[float]:
    found: dict[int, float] = {}
    for micro in micro_batches(examples, 0, 1, None):
        logs = _log_likelihoods(model, micro, dtype)
        targets = collate(micro, model.device).targets
        each = logs.gather(1, targets[:, None])[:, 0].split([len(example.targets) for example in micro])
        found.update({id(example): part.sum().item() for example, part in zip(micro, each, strict=True)})
    return [found[id(example)] for example in examples]


def _log_likelihoods(model: AdaptedModel, examples: list[Example], dtype: torch.dtype) -> torch.Tensor:
    """Of every token of the vocabulary, [targets of all examples, vocabulary]."""
    batch = collate(examples, model.device)
    with computing(dtype, model.device):
        logits = model.logits(batch.ids, batch.sources)
    return torch.log_softmax(logits.float(), dim=-1)
