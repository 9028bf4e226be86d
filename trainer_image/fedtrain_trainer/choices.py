"""Choices: is the right answer the likeliest of those on offer?

An answer's score is the summed log-likelihood of its tokens. Log-likelihoods are never above 0, so that of the first
token bounds the whole. One pass over the prompts with their right answers gives the right answers' scores and the
bounds of all others; only those are then scored whole that could still beat the right one, the most promising first,
until one does or none is left. The result is exact, and few are ever scored.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from fedtrain.api.evaluation import MAX_CHOICES
from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.data.row import Row, answer
from fedtrain_trainer.batches import collate, micro_batches
from fedtrain_trainer.examples import Example, Question
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.precision import computing


def options(rows: Sequence[Row]) -> list[list[str]]:
    """Return the answers that each row chooses from: its `choices`, or all different answers in the data, sorted."""
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
            raise Refused(f'{row.where}: the answer is not among the choices; add it to the row\'s "choices"')
        found.append(own)
    return found


def labels_of(rows: Sequence[Row]) -> AnswerLabels | None:
    """Return the labels that all rows choose from; None if a row has `choices`."""
    if not rows or any("choices" in row.fields for row in rows):
        return None
    found = Counter(answer(row) for row in rows)
    return AnswerLabels(count=len(found), commonest=max(found.values()) / len(rows))


@dataclass
class _Contest:
    """`rivals`: answers that may still beat the right one, the most promising last."""

    score: float
    rivals: list[int]
    won: bool = True


@torch.inference_mode()
def right(
    model: AdaptedModel, questions: Sequence[Question], dtype: torch.dtype, report: Callable[[int, int], None]
) -> list[bool]:
    """For each question, whether the right answer has the highest score (of equals, the first wins)."""
    model.module.eval()
    whole = [_example(question, question.right) for question in questions]
    contests: list[_Contest] = []
    first = _log_likelihoods(model, whole, dtype, _contested(questions))
    for question, (score, bounds) in zip(questions, first, strict=True):
        contests.append(_contest(question, score, bounds or [0.0] * len(question.answers)))
    while pending := [number for number, contest in enumerate(contests) if contest.won and contest.rivals]:
        report(len(questions) - len(pending), len(questions))
        pairs = [(number, contests[number].rivals.pop()) for number in pending]
        rivals = [_example(questions[number], option) for number, option in pairs]
        for (number, option), (score, _) in zip(pairs, _log_likelihoods(model, rivals, dtype, None), strict=True):
            contests[number].won = not _beats(score, option, contests[number].score, questions[number].right)
    report(len(questions), len(questions))
    return [contest.won for contest in contests]


def _beats(score: float, option: int, right_score: float, right_option: int) -> bool:
    return (score, -option) > (right_score, -right_option)


def _contest(question: Question, score: float, bounds: list[float]) -> _Contest:
    """`bounds`: of every answer, its first token's log-likelihood; the score of an answer of one token."""
    able = [option for option, bound in enumerate(bounds) if _beats(bound, option, score, question.right)]
    rivals = sorted((option for option in able if option != question.right), key=lambda option: bounds[option])
    return _Contest(score, rivals, won=all(len(question.answers[option]) > 1 for option in rivals))


def _example(question: Question, option: int) -> Example:
    start, ids = len(question.prompt), question.prompt + question.answers[option]
    return Example(ids, list(range(max(start, 1), len(ids))))


def _contested(questions: Sequence[Question]) -> list[list[int]]:
    """The first tokens of each question's answers; none after an empty prompt, where nothing predicts them."""
    return [[reply[0] for reply in question.answers] if question.prompt else [] for question in questions]


def _log_likelihoods(
    model: AdaptedModel, examples: list[Example], dtype: torch.dtype, firsts: list[list[int]] | None
) -> list[tuple[float, list[float]]]:
    """For each example the sum over its targets, and what each of `firsts` would have had as the first target."""
    numbers = {id(example): number for number, example in enumerate(examples)}
    found: list[tuple[float, list[float]]] = [(0.0, [])] * len(examples)
    for micro in micro_batches([example for example in examples if example.targets], 0, 1, None):
        batch = collate(micro, model.device)
        with computing(dtype, model.device):
            logits = model.logits(batch.ids, batch.sources)
        logs = torch.log_softmax(logits.float(), dim=-1)
        each = logs.gather(1, batch.targets[:, None])[:, 0]
        start = 0
        for example in micro:
            number, end = numbers[id(example)], start + len(example.targets)
            wanted = firsts[number] if firsts is not None else []
            found[number] = (each[start:end].sum().item(), logs[start, wanted].tolist())
            start = end
    return found
