"""Counts rows that are longer than `data.maxLength`, with the base model's own tokenizer and without transformers."""

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
    `first`: the place of the first row that is cut; None without one."""

    rows: int
    cut: int
    dropped: int
    longest: int
    first: str | None = None
    answers: int = 0

    def __add__(self, other: "Lengths") -> "Lengths":
        return Lengths(
            self.rows + other.rows,
            self.cut + other.cut,
            self.dropped + other.dropped,
            max(self.longest, other.longest),
            self.first or other.first,
            self.answers + other.answers,
        )


def tokenizer_of(folder: Path) -> Callable[[list[str]], list[int]] | None:
    """Return a function that counts the tokens of texts; None if the tokenizer cannot be loaded here."""
    try:
        tokenizers: Any = import_module("tokenizers")
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception:  # the library raises Exception itself, for a missing file too
        return None
    return lambda texts: [len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]


def row_lengths(
    rows: Sequence[Row], rendered: Sequence[Sequence[Pieces]], count: Callable[[list[str]], list[int]], most: int
) -> Lengths:
    """Return how many of `rows` are longer than `most` tokens. `rendered`: the examples of each. The end-of-sequence
    token after an answer counts. Only conversations can lose their whole answer: the trainer cuts prompts at their
    beginning, and keeps one token of them."""
    cut = dropped = longest = 0
    first: str | None = None
    wholes, befores, numbers = list[str](), list[str](), list[int]()
    for number, (row, examples) in enumerate(zip(rows, rendered, strict=True)):
        keeps_answer = "messages" not in row.fields
        for example in examples:
            wholes.append("".join(text for text, _ in example))
            befores.append("" if keeps_answer else _before_answer(example))
            numbers.append(number)
    tokens: dict[int, list[tuple[int, int]]] = {}
    for number, whole, before in zip(numbers, count(wholes), count(befores), strict=True):
        tokens.setdefault(number, []).append((whole, before))
    for number, examples in tokens.items():
        end = 0 if "messages" in rows[number].fields else 1
        length = max(whole for whole, _ in examples) + end
        longest = max(longest, length)
        cut += length > most
        if length > most and first is None:
            first = rows[number].where
        dropped += all(before >= most for _, before in examples)
    return Lengths(len(rows), cut, dropped, longest, first, _cut_answers(rows, tokens, count, most))


def _cut_answers(
    rows: Sequence[Row],
    tokens: Mapping[int, Sequence[tuple[int, int]]],
    count: Callable[[list[str]], list[int]],
    most: int,
) -> int:
    """Return the number of completions that do not fit with their end token and one token of the prompt."""
    cut = [number for number, examples in tokens.items() if max(whole for whole, _ in examples) + 1 > most]
    answers: list[str] = [rows[number].fields["completion"] for number in cut if "completion" in rows[number].fields]
    return sum(length + 1 > most - 1 for length in count(answers)) if answers else 0


def _before_answer(example: Pieces) -> str:
    """Return the text before the first learned one."""
    first = next((number for number, (_, is_answer) in enumerate(example) if is_answer), len(example))
    return "".join(text for text, _ in example[:first])
