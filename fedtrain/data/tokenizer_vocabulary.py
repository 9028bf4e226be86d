"""The ids of a tokenizer's tokens, from tokenizer.json and tokenizer_config.json."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from fedtrain.plurals import several


def vocabulary(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Return the id of each token of tokenizer.json except added ones; empty if it does not list them."""
    model: object = tokenizer.get("model")
    tokens: object = cast("dict[str, Any]", model).get("vocab") if isinstance(model, dict) else None
    if isinstance(tokens, dict):
        pairs = cast("dict[str, Any]", tokens).items()
        return {token: number for token, number in pairs if isinstance(number, int)}
    if isinstance(tokens, list):  # Unigram: pairs of token and score, in the order of their ids
        pieces = enumerate(cast("list[Any]", tokens))
        return {str(cast("list[Any]", one)[0]): number for number, one in pieces if isinstance(one, list) and one}
    return {}


def added_ids(tokenizer: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the id of each added token."""
    return dict(_added(tokenizer, settings))


def _added(tokenizer: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    decoder: object = settings.get("added_tokens_decoder")
    for number, one in cast("dict[str, Any]", decoder).items() if isinstance(decoder, dict) else ():
        if isinstance(one, dict) and number.isdecimal():
            yield str(cast("dict[str, Any]", one).get("content")), int(number)
    listed: object = tokenizer.get("added_tokens")
    for one in cast("list[Any]", listed) if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(number := cast("dict[str, Any]", one).get("id"), int):
            yield str(cast("dict[str, Any]", one).get("content")), number


def known_ids(rows: int) -> str:
    """Return which tokens an embedding with so many rows has weights for, for errors about other tokens."""
    return f"the embedding of the base model has {several(rows, 'row')} (ids 0 to {rows - 1:,})"
