"""A tokenizer's tokens and their ids, from tokenizer.json and tokenizer_config.json."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fedtrain.plurals import several


@dataclass(frozen=True)
class AddedToken:
    """A token that was added to the vocabulary. `number`: its id, if a file says it."""

    number: int | None
    is_special: bool


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


def added_tokens(tokenizer: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, AddedToken]:
    """Return the tokens that were added to the vocabulary, by text. tokenizer.json decides about the id of a token that
    both files list, the settings about whether it is special."""
    found: dict[str, AddedToken] = {}
    for number, entry in _added(tokenizer, settings):
        text: object = entry.get("content")
        if isinstance(text, str):
            known = found.get(text, AddedToken(None, bool(entry.get("special"))))
            found[text] = AddedToken(number if isinstance(number, int) else known.number, known.is_special)
    return found


def _added(tokenizer: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[object, dict[str, Any]]]:
    """Yield the id and the entry of each added token, first those of the settings."""
    decoder: object = settings.get("added_tokens_decoder")
    for number, entry in cast("dict[str, Any]", decoder).items() if isinstance(decoder, dict) else ():
        if isinstance(entry, dict):
            yield int(number) if number.isdecimal() else None, cast("dict[str, Any]", entry)
    listed: object = tokenizer.get("added_tokens")
    for entry in cast("list[Any]", listed) if isinstance(listed, list) else ():
        if isinstance(entry, dict):
            yield cast("dict[str, Any]", entry).get("id"), cast("dict[str, Any]", entry)


def known_ids(rows: int) -> str:
    """Return which tokens an embedding with so many rows has weights for, for errors about other tokens."""
    return f"the embedding of the base model has {several(rows, 'row')} (ids 0 to {rows - 1:,})"
