"""The control tokens of a loaded tokenizer."""

from collections.abc import Sequence
from typing import Any

from fedtrain.data.control_tokens import finder
from fedtrain.data.row import Row


def has_control_tokens(tokenizer: Any, rows: Sequence[Row]) -> list[bool]:
    """Return for each row whether the tokenizer reads a part of its text as a control token. The end-of-sequence token
    at the end of a completion or text does not count."""
    tokens = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    find = finder(tokens | set(tokenizer.all_special_tokens), [tokenizer.eos_token] if tokenizer.eos_token else ())
    return [find(row) is not None for row in rows]
