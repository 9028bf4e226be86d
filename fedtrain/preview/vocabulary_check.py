"""Whether the base model has weights for the tokens that its tokenizer writes."""

from collections.abc import Iterator
from typing import cast

from fedtrain.data.base_files import BaseFiles
from fedtrain.data.tokenizer_vocabulary import known_ids
from fedtrain.plurals import form, several
from fedtrain.preview.config_check import Problem, embedding_of
from fedtrain.preview.row_lengths import Lengths


def vocabulary_problems(base: BaseFiles, lengths: Lengths | None) -> Iterator[Problem]:
    """Yield the tokens without weights. `lengths`: of the checked rows."""
    embedding = embedding_of(base.tensors)
    rows = embedding.shape[0] if embedding is not None else None
    if rows is not None and max(base.vocabulary.values(), default=-1) >= rows:
        yield _vocabulary(base, rows)
        return
    end_token = list(_end_token(base, rows))
    yield from end_token
    if rows is not None and lengths is not None and lengths.highest[0] >= rows and not end_token:
        yield _token_of_row(base, *lengths.highest, rows)


def _vocabulary(base: BaseFiles, rows: int) -> Problem:
    highest = max(base.vocabulary.values())
    beyond = sum(number >= rows for number in base.vocabulary.values())
    return (
        f"{base.folder / 'tokenizer.json'} has {several(len(base.vocabulary), 'token')} with ids up to {highest:,}, "
        f"but {known_ids(rows)}: {several(beyond, 'token')} {form(beyond, 'has', 'have')} no weights.",
        "Copy the tokenizer and the weights from the same model.",
    )


def _end_token(base: BaseFiles, rows: int | None) -> Iterator[Problem]:
    """The trainer writes the end token after answers, whether or not rows have it."""
    end, file = base.special_tokens.get("eos_token"), base.folder / "tokenizer_config.json"
    if end is None or not base.vocabulary:
        return
    number = base.added_ids.get(end, base.vocabulary.get(end))
    if number is None and end not in base.added_tokens:
        yield (
            f"{file} has the eos_token `{end}`, but none of the {several(_size(base), 'token')} in tokenizer.json is "
            f"`{end}`, so the base model cannot learn to end an answer with it.",
            f"Set `eos_token` to {_likely_end(base)}, or copy the tokenizer again.",
        )
    elif number is not None and rows is not None and number >= rows:
        yield (
            f"{file} has the eos_token `{end}` with id {number:,}, but {known_ids(rows)}, so it has no weights.",
            "Use the tokenizer of the base model, or load the model with transformers, call "
            "`resize_token_embeddings`, and save it.",
        )


def _likely_end(base: BaseFiles) -> str:
    known = {number: token for token, number in (base.vocabulary | base.added_ids).items()}
    listed: object = base.config.get("eos_token_id")
    numbers = cast("list[object]", listed) if isinstance(listed, list) else [listed]
    token = next((known[one] for one in numbers if isinstance(one, int) and one in known), None)
    return "the token that ends a text of this model" if token is None else f"`{token}`, which config.json names"


def _token_of_row(base: BaseFiles, number: int, where: str, rows: int) -> Problem:
    """An added token may have no weights if no row has it: models derived from one of images have such tokens."""
    token = next((f"`{text}`" for text, one in base.added_ids.items() if one == number), "a token")
    return (
        f"{where} has the token {token}, to which {base.folder / 'tokenizer.json'} gives the id {number:,}, but "
        f"{known_ids(rows)}, so it has no weights.",
        "Use a base model that has this token, or remove it from the rows and the chat template.",
    )


def _size(base: BaseFiles) -> int:
    return len(base.vocabulary | base.added_ids)
