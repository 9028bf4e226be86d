"""Counts rows that are longer than `data.maxLength`, with the base model's own tokenizer and without transformers.

Also finds the highest id of a token, for which the base model may have no weights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from fedtrain.data.row import Row

Pieces = Sequence[tuple[str, bool]]
"""The texts of an example, and whether each is learned."""


@dataclass(frozen=True)
class Lengths:
    """`cut`: rows with more tokens than `data.maxLength`. `dropped`: those whose answer is cut off completely.
    `answers`: rows whose answer loses its end because it is too long itself. `longest`: tokens of the longest row.
    `first`: the place of the first row that is cut; None without one. `highest`: the highest id of a token, and the
    place of the first row with it."""

    rows: int
    cut: int
    dropped: int
    longest: int
    first: str | None = None
    answers: int = 0
    highest: tuple[int, str] = (-1, "")

    def __add__(self, other: "Lengths") -> "Lengths":
        return Lengths(
            self.rows + other.rows,
            self.cut + other.cut,
            self.dropped + other.dropped,
            max(self.longest, other.longest),
            self.first or other.first,
            self.answers + other.answers,
            self.highest if self.highest[0] >= other.highest[0] else other.highest,
        )


def tokenizer_of(folder: Path) -> Callable[[list[str]], list[list[int]]] | None:
    """Return a function that gives the ids of the tokens of texts; None if the tokenizer cannot be loaded here."""
    try:
        tokenizers: Any = import_module("tokenizers")
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception:  # the library raises Exception itself, for a missing file too
        return None
    return lambda texts: [one.ids for one in tokenizer.encode_batch(texts, add_special_tokens=False)]


def row_lengths(
    rows: Sequence[Row],
    rendered: Sequence[Sequence[Pieces]],
    tokenize: Callable[[list[str]], list[list[int]]],
    most: int,
) -> Lengths:
    """Return how many of `rows` are longer than `most` tokens. `rendered`: the examples of each. The end-of-sequence
    token after an answer counts. Only conversations can lose their whole answer: the trainer cuts prompts at their
    beginning, and keeps one token of them."""
    cut = dropped = longest = 0
    first: str | None = None
    highest = (-1, "")
    wholes, befores, numbers = list[str](), list[str](), list[int]()
    for number, (row, examples) in enumerate(zip(rows, rendered, strict=True)):
        keeps_answer = "messages" not in row.fields
        for example in examples:
            wholes.append("".join(text for text, _ in example))
            befores.append("" if keeps_answer else _before_answer(example))
            numbers.append(number)
    tokens: dict[int, list[tuple[int, int]]] = {}
    for number, whole, before in zip(numbers, tokenize(wholes), tokenize(befores), strict=True):
        tokens.setdefault(number, []).append((len(whole), len(before)))
        if (top := max(whole, default=-1)) > highest[0]:
            highest = (top, rows[number].where)
    for number, examples in tokens.items():
        end = 0 if "messages" in rows[number].fields else 1
        length = max(whole for whole, _ in examples) + end
        longest = max(longest, length)
        cut += length > most
        if length > most and first is None:
            first = rows[number].where
        dropped += all(before >= most for _, before in examples)
    return Lengths(len(rows), cut, dropped, longest, first, _cut_answers(rows, tokens, tokenize, most), highest)


def _cut_answers(
    rows: Sequence[Row],
    tokens: Mapping[int, Sequence[tuple[int, int]]],
    tokenize: Callable[[list[str]], list[list[int]]],
    most: int,
) -> int:
    """Return the number of completions that do not fit with their end token and one token of the prompt."""
    cut = [number for number, examples in tokens.items() if max(whole for whole, _ in examples) + 1 > most]
    answers: list[str] = [rows[number].fields["completion"] for number in cut if "completion" in rows[number].fields]
    return sum(len(ids) + 1 > most - 1 for ids in tokenize(answers)) if answers else 0


def _before_answer(example: Pieces) -> str:
    """Return the text before the first learned one."""
    first = next((number for number, (_, is_answer) in enumerate(example) if is_answer), len(example))
    return "".join(text for text, _ in example[:first])
