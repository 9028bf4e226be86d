"""Finds control tokens, such as an end-of-turn token, that are part of a row's own text."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from fedtrain.data.row import Row


def has_control_tokens(tokenizer: Any, rows: Sequence[Row]) -> list[bool]:
    """Return for each row whether the tokenizer reads a part of its text as a control token. The end-of-sequence token
    at the end of a completion or text does not count."""
    tokens = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    tokens |= set(tokenizer.all_special_tokens)
    if not tokens:
        return [False] * len(rows)
    pattern = re.compile("|".join(re.escape(token) for token in sorted(tokens)))
    end = tokenizer.eos_token or ""
    return [any(pattern.search(text) for text in _texts(row, end)) for row in rows]


def _texts(row: Row, end: str) -> Iterable[str]:
    if "messages" in row.fields:
        return (message["content"] for message in row.fields["messages"])
    texts = [row.fields[name] for name in ("system", "instruction", "input", "prompt") if name in row.fields]
    learned = next(row.fields[name] for name in ("output", "completion", "text") if name in row.fields)
    return (*texts, learned.removesuffix(end))
