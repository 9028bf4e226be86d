"""`spec.data`: training data of the participants. Each participant's policy maps the logical name to a location."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, Name, Text

Format = Literal["Messages", "PromptCompletion", "Text", "Instruction", "ShareGPT"]

FORMAT_FIELDS: Mapping[Format, tuple[str, ...]] = {
    "Messages": ("messages", "tools", "choices"),
    "PromptCompletion": ("prompt", "completion", "tools", "choices"),
    "Text": ("text",),
    "Instruction": ("instruction", "input", "output", "system", "choices"),
    "ShareGPT": ("conversations", "system", "tools", "choices"),
}
"""The fields of a row that each format reads."""


class Fields(Block):
    """Names of the fields in the rows, where they differ from the names of the format."""

    messages: Text | None = None
    """Field of the conversation in `Messages`."""
    tools: Text | None = None
    """Field of the tool definitions in `Messages`, `PromptCompletion` and `ShareGPT`."""
    prompt: Text | None = None
    """Field of the prompt in `PromptCompletion`."""
    completion: Text | None = None
    """Field of the completion in `PromptCompletion`."""
    text: Text | None = None
    """Field of the text in `Text`."""
    instruction: Text | None = None
    """Field of the instruction in `Instruction`."""
    input: Text | None = None
    """Field of the input in `Instruction`."""
    output: Text | None = None
    """Field of the output in `Instruction`."""
    conversations: Text | None = None
    """Field of the conversation in `ShareGPT`."""
    system: Text | None = None
    """Field of the system prompt in `Instruction` and `ShareGPT`."""
    choices: Text | None = None
    """Field of the possible answers, for the metric `Choices`."""


class Data(Block):
    """Training data of the participants."""

    dataset: Name
    """Logical name of the data set. Each participant's policy maps it to a location."""
    format: Format
    """Format of each row: `Messages` {messages: [{role, content}]}, `PromptCompletion` {prompt, completion}, `Text`
    {text}, `Instruction` {instruction, input, output} or `ShareGPT` {conversations: [{from, value}]}. The loss is
    computed on the answer only (assistant turns, completion, output); with `Text`, on all tokens."""
    fields: Fields | None = None
    """Names of the fields in the rows, if they differ from the names above. The same at all participants."""
    max_length: Annotated[Count, Field(le=1_048_576)] = 512
    """Maximum number of tokens per row. Longer rows are cut to it. A row that has more tokens than the base
    model's context even so is refused."""
    validation_fraction: Fraction = 0.1
    """Fraction of rows that each participant holds out for validation. The same rows are held out in every round."""
