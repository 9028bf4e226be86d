"""`spec.data`: training data of the participants. Each participant's policy maps the logical name to a location."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, Name

Format = Literal["Messages", "PromptCompletion", "Text"]


class Data(Block):
    """Training data of the participants."""

    dataset: Name
    """Logical name of the data set. Each participant's policy maps it to a location."""
    format: Format
    """Format of each row: `Messages` {messages: [{role, content}]}, `PromptCompletion` {prompt, completion} or
    `Text` {text}. The loss is computed on the answer only (assistant turns, completion); with `Text`, on all tokens."""
    max_length: Annotated[Count, Field(le=1_048_576)] = 512
    """Maximum number of tokens per row. Longer rows are truncated."""
    validation_fraction: Fraction = 0.1
    """Fraction of rows that each participant holds out for validation. The same rows are held out in every round."""
