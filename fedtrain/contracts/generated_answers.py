"""Answers that an adapter generates for prompts of the hub's data."""

from typing import Annotated, ClassVar

from pydantic import Field

from fedtrain.api.base import Block
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import MAX_TEXT, Digest


class GeneratedAnswer(Block):
    """`row`: position in the hub's data, from 0. `expected`: the row's answer. Texts have at most `MAX_TEXT`
    characters."""

    row: int
    prompt: Annotated[str, Field(max_length=MAX_TEXT)]
    expected: Annotated[str, Field(max_length=MAX_TEXT)]
    text: Annotated[str, Field(max_length=MAX_TEXT)]


class Generated(Record):
    """A blob: answers that an adapter generated for prompts of the hub's data."""

    max_bytes: ClassVar[int] = 1024 * 1024

    adapter: Digest
    answers: Annotated[tuple[GeneratedAnswer, ...], Field(max_length=32)]
