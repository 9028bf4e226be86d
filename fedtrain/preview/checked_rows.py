"""What was found in the rows of a data set."""

from dataclasses import dataclass, field

from fedtrain.data.errors import DataError
from fedtrain.data.label_spellings import LabelSpellings
from fedtrain.data.row import Row, Warnings, count_warning, kind, row_digests
from fedtrain.preview.choices_check import Offered
from fedtrain.preview.missing_fields import RowNames

HUB = "evaluation.hub"
SAMPLED = 100
"""Rows of each data set that the chat template is tried on, and one of each further kind."""


@dataclass
class CheckedRows:
    """What was found in a data set of `who`: a participant or `HUB`. `name`: path of the data set in messages and
    commands, as a user in the working directory writes it. `dataset`: its name if the participant mixes several.
    `complete`: whether all rows were read. `absent`: why the rows cannot be read on this machine. `digests`: of each
    row. `normalized`: of each row with normalized texts."""

    who: str
    uri: str
    name: str
    dataset: str | None = None
    complete: bool = True
    absent: str | None = None
    faults: list[DataError] = field(default_factory=list[DataError])
    warnings: Warnings = field(default_factory=Warnings)
    sample: list[Row] = field(default_factory=list[Row])
    digests: list[bytes] = field(default_factory=list[bytes])
    normalized: list[bytes] = field(default_factory=list[bytes])
    places: list[str] = field(default_factory=list[str])
    offered: Offered = field(default_factory=Offered)
    spellings: LabelSpellings = field(default_factory=LabelSpellings)
    names: RowNames = field(default_factory=RowNames)
    kinds: set[frozenset[str]] = field(default_factory=set[frozenset[str]])

    @property
    def label(self) -> str:
        """The participant, with the data set of a mix."""
        return self.who if self.dataset is None else f"{self.who}, data set {self.dataset}"

    @property
    def rows(self) -> int:
        """Number of valid rows."""
        return len(self.digests)

    def add(self, row: Row) -> None:
        exact, normalized = row_digests(row.fields)
        self.digests.append(exact)
        self.normalized.append(normalized)
        self.places.append(row.where)
        self.offered.add(row)
        self.spellings.add(row)
        if len(self.sample) < SAMPLED or kind(row) not in self.kinds:
            self.sample.append(row)
            self.kinds.add(kind(row))
        for warning in row.warnings:
            count_warning(self.warnings, warning, row.where)


def owner(label: str) -> str:
    """A label in a sentence: `data set notes of bank-a`."""
    who, comma, dataset = label.partition(", ")
    return f"{dataset} of {who}" if comma else who
