"""`spec.data`: what each participant trains on, by a logical name that its policy maps to a place."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, Name

Format = Literal["Messages", "PromptCompletion", "Text"]


class Data(Block):
    """What each participant trains on."""

    dataset: Name
    """A logical name: each participant's policy says where it is there."""
    format: Format
    """Of a row: `Messages` {messages: [{role, content}]}, `PromptCompletion` {prompt, completion} or `Text` {text}.
    The loss is on the answer only (the assistant's turns, the completion), unless `Text`."""
    max_length: Annotated[Count, Field(le=1_048_576)] = 512
    """Tokens of a row; longer ones are cut."""
    validation_fraction: Fraction = 0.1
    """Share of its rows that each participant holds out, the same ones in every round."""
