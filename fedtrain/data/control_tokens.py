"""Control tokens of a tokenizer, such as an end-of-turn token: which rows have one inside their own text, and whether
an answer ends with one."""

import re
from collections.abc import Callable, Collection, Iterable

from fedtrain.data.row import Row


def finder(tokens: Collection[str], ends: Iterable[str]) -> Callable[[Row], str | None]:
    """Return a function that finds the first control token in a row's text. One of `ends` at the end of a completion
    or text does not count: no second one is added."""
    if not tokens:
        return lambda row: None
    pattern = re.compile("|".join(re.escape(token) for token in sorted(tokens)))
    at_end = tuple(sorted(ends))

    def find(row: Row) -> str | None:
        found = (pattern.search(text) for text in _texts(row, at_end))
        return next((match.group() for match in found if match is not None), None)

    return find


def is_ended(answer: str, tokens: tuple[str, ...]) -> bool:
    """Whether an answer ends with one of `tokens`, apart from blanks after it."""
    return answer.rstrip().endswith(tokens)


def _texts(row: Row, ends: tuple[str, ...]) -> Iterable[str]:
    if "messages" in row.fields:
        return (message["content"] for message in row.fields["messages"])
    texts = [row.fields[name] for name in ("system", "instruction", "input", "prompt") if name in row.fields]
    learned: str = next(row.fields[name] for name in ("output", "completion", "text") if name in row.fields)
    end = next((end for end in ends if learned.endswith(end)), "")
    return (*texts, learned.removesuffix(end))
