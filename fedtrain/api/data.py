"""`spec.data`: what each participant trains on, by a logical name that its policy maps to a place."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, Name

Format = Literal["Messages", "PromptCompletion", "Text"]


class Data(Block):
    """Format of a row: `Messages` {messages: [{role, content}]}, `PromptCompletion` {prompt, completion} or
    `Text` {text}. Loss is on the answer only (the assistant's turns, the completion), unless `Text`."""

    dataset: Name
    format: Format
    max_length: Annotated[Count, Field(le=1_048_576)] = 512
    validation_fraction: Fraction = 0.1
