"""`spec.data`: training data of the participants. Each participant's policy maps the logical name to a location."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction as Exact
from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, Name, PositiveFloat, Text

Format = Literal["Messages", "PromptCompletion", "Text", "Instruction", "ShareGPT"]

MAX_DATASETS = 16
"""Data sets in a mix."""

FORMAT_FIELDS: Mapping[Format, tuple[str, ...]] = {
    "Messages": ("messages", "tools", "choices"),
    "PromptCompletion": ("prompt", "completion", "tools", "choices"),
    "Text": ("text",),
    "Instruction": ("instruction", "input", "output", "system", "choices"),
    "ShareGPT": ("conversations", "system", "tools", "choices"),
}
"""The fields of a row that each format reads."""
REQUIRED_FIELDS: Mapping[Format, tuple[str, ...]] = {
    "Messages": ("messages",),
    "PromptCompletion": ("prompt", "completion"),
    "Text": ("text",),
    "Instruction": ("instruction", "output"),
    "ShareGPT": ("conversations",),
}
"""The fields that each row of a format has."""


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


class MixedDataset(Block):
    """A data set of a mix."""

    name: Name
    """Logical name of the data set. Each participant's policy maps it to a location."""
    share: PositiveFloat
    """Share of this data set in the samples of each round, relative to the shares of the others: 7 and 3 are 70 % and
    30 %, as are 0.7 and 0.3."""
    format: Format | None = None
    """Format of each row of this data set. If omitted: `data.format`."""
    fields: Fields | None = None
    """Names of the fields in the rows of this data set. If omitted: `data.fields`, unless `format` is set here."""


@dataclass(frozen=True)
class RowSource:
    """A data set of a training, with the format that applies to its rows. `place`: where the file declares them."""

    name: str
    format: Format
    fields: Fields | None
    place: str = "spec.data"


class Data(Block):
    """Training data of the participants."""

    dataset: Name | None = None
    """Logical name of the data set. Each participant's policy maps it to a location. Either `dataset` or `datasets` is
    required."""
    datasets: Annotated[tuple[MixedDataset, ...], Field(min_length=1, max_length=MAX_DATASETS)] | None = None
    """Data sets to mix, at least two, each with its share of the samples. Replaces `dataset`. Each participant must
    have all of them."""
    format: Format
    """Format of each row: `Messages` {messages: [{role, content}]}, `PromptCompletion` {prompt, completion}, `Text`
    {text}, `Instruction` {instruction, input, output} or `ShareGPT` {conversations: [{from, value}]}. The loss is
    computed on the answer only (assistant turns, completion, output); with `Text`, on all tokens."""
    fields: Fields | None = None
    """Names of the fields in the rows, if they differ from the names above. The same at all participants."""
    max_length: Annotated[Count, Field(le=1_048_576)] = 512
    """Maximum number of tokens per row. Longer rows are cut to it. A row that still has more tokens than the
    base model's context is refused."""
    validation_fraction: Fraction = 0.1
    """Fraction of rows that each participant holds out for validation. The same rows are held out in every round."""

    @property
    def sources(self) -> tuple[RowSource, ...]:
        """The data sets, in order: one, or those of the mix."""
        if self.datasets is None:
            return (RowSource(self.dataset, self.format, self.fields),) if self.dataset is not None else ()
        return tuple(
            RowSource(
                one.name,
                one.format or self.format,
                one.fields if one.fields is not None or one.format is not None else self.fields,
                f"spec.data.datasets ({one.name})",
            )
            for one in self.datasets
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The logical names of the data sets, in order."""
        return tuple(source.name for source in self.sources)


def validation_count(rows: int, fraction: float) -> int:
    """Return the number of held-out rows: floor(fraction * rows) in exact decimal arithmetic. At least one row is held
    out if fraction > 0, and at least one row remains for training."""
    if fraction == 0 or rows < 2:
        return 0
    return min(max(1, int(Exact(str(fraction)) * rows)), rows - 1)


def described(data: Data) -> str:
    """Return the data set, or all of a mix with their shares: `notes 70 %, guidelines 30 %`."""
    if data.datasets is None:
        return data.dataset or ""
    whole = sum(one.share for one in data.datasets)
    return ", ".join(f"{one.name} {percent(one.share / whole)}" for one in data.datasets)


def percent(share: float) -> str:
    """Return a share as a percentage with at most two significant decimals: `70 %`, `33.3 %`, `0.12 %`."""
    number = 100 * share
    return f"{number:.3g} %" if number < 99.95 else "100 %"
