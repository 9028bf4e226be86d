"""Checks rows of a federation's data sets as the trainer reads them: all faults, warnings and repeated rows."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from fedtrain.api.data import Data, RowSource
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.places import scheme
from fedtrain.api.reading.federation import Federation
from fedtrain.data.errors import DataError, MissingField
from fedtrain.data.formats import RowChecker
from fedtrain.data.label_spellings import LabelSpellings
from fedtrain.data.parsing import parse_each
from fedtrain.data.parsing.parsed import Parsed
from fedtrain.data.row import PROBLEMS, Row, Warnings, count_warning, kind, row_digest
from fedtrain.plurals import form, several
from fedtrain.preview.choices_check import Offered, measures_choices
from fedtrain.preview.missing_fields import RowNames, advised
from fedtrain.preview.rendered_rows import RenderedRows
from fedtrain.preview.unlearned_labels import unlearned_labels
from fedtrain.quoting import quoted

HUB = "evaluation.hub"
SAMPLED = 100
"""Rows of each data set that the chat template is tried on, and one of each further kind."""
MOST_FAULTS = 1000
"""Faults of one data set after which no more rows are read."""
MOST_DATA_SETS = 20
"""Data sets that get the full sample; more share as many rows."""


@dataclass
class CheckedRows:
    """What was found in a data set of `who`: a participant or `HUB`. `name`: path of the data set in messages, from
    the folder of the federation file. `dataset`: its name if the participant mixes several. `complete`: whether all
    rows were read. `absent`: why the rows cannot be read on this machine."""

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
        self.digests.append(row_digest(row.fields))
        self.places.append(row.where)
        self.offered.add(row)
        self.spellings.add(row)
        if len(self.sample) < SAMPLED or kind(row) not in self.kinds:
            self.sample.append(row)
            self.kinds.add(kind(row))
        for warning in row.warnings:
            count_warning(self.warnings, warning, row.where)


class _TooManyFaults(Exception):
    """No more rows need to be read."""


def check_rows(
    federation: Federation,
    limit: int | None,
    skip: Collection[tuple[str, str]] = (),
    rendered: RenderedRows | None = None,
) -> list[CheckedRows]:
    """Return the findings of all data sets of participants and of the hub. `skip`: participants and data sets to leave
    out. `limit`: rows to read of each data set, the first ones of each of its files; None reads all. `rendered`:
    counts faults of the rows that are read, as the model sees them."""
    spec = federation.training.spec
    mixed = spec.data.datasets is not None
    found: list[tuple[CheckedRows, RowSource]] = []
    for who in (one.name for one in spec.participants):
        for source, uri in zip(spec.data.sources, data_uris(federation, who), strict=True):
            if (who, source.name) not in skip:
                name = source.name if mixed else None
                found.append((CheckedRows(who, federation.resolve(uri), _name(federation, uri), name), source))
    if spec.evaluation.hub is not None:
        uri = spec.evaluation.hub.data.uri
        source = RowSource("", spec.data.format, spec.data.fields)
        found.append((CheckedRows(HUB, federation.resolve(uri), _name(federation, uri)), source))
    if limit is not None:
        limit = min(limit, max(1, MOST_DATA_SETS * limit // max(1, len(found))))
    for checked, source in found:
        _check(checked, source, limit, rendered)
    for checked, source in found:
        checked.faults = advised(checked.faults, checked.rows, source, checked.names, _fitting(source, found))
    return [checked for checked, _ in found]


def notes(checked: Sequence[CheckedRows], spec: FederatedTrainingSpec) -> Iterator[str]:
    """Yield warnings about rows, with the place of the first one and no value."""
    for one in checked:
        for problem in PROBLEMS:
            if found := one.warnings.get(problem):
                yield f"{one.label}: {found[1]}{_more(found[0])}"
        if one.rows and (repeated := _repeated(one)):
            count, later, earlier = repeated
            yield (
                f"{one.label}: {count:,} of {several(one.rows, 'row')} {form(count, 'is', 'are')} repeated "
                f"(first: {later} is {earlier}). Remove them: `{_unrepeated(one.name)}`, and use the new file."
            )
        if leaked := _in_both_splits(one, spec.data, spec.training.seed):
            yield (
                f"{one.label}: {several(leaked, 'validation row')} {form(leaked, 'is', 'are')} also in the "
                "training split, so validation is too optimistic. "
                "Remove repeated rows."
            )
    yield from _spellings(checked)
    if measures_choices(spec):
        yield from _unlearned(checked)
    yield from _shared(checked)


def _spellings(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the warning about labels that are not spelled alike in all data sets; each data set of a mix has labels of
    its own."""
    for dataset in dict.fromkeys(one.dataset for one in checked):
        together = LabelSpellings.together(one.spellings for one in checked if one.dataset == dataset)
        if warning := together.warning():
            yield f"data set {dataset}: {warning}" if dataset is not None else warning


def _unlearned(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the warning about labels of the hub that no participant trains, if all of the participants' rows were
    read."""
    participants = [one for one in checked if one.who != HUB]
    if not all(one.complete and not one.faults and one.spellings.few for one in participants):
        return
    for hub in checked:
        if hub.who == HUB and (warning := unlearned_labels(hub.spellings, [one.spellings for one in participants])):
            yield warning


def _name(federation: Federation, uri: str) -> str:
    """Return the path of a data set from the folder of the federation file, or its absolute path if it is elsewhere."""
    path = federation.resolve(uri)
    folder = f"{federation.path.parent}/"
    return str(Path(path.removeprefix(folder))) if path.startswith(folder) else path


def _check(found: CheckedRows, source: RowSource, limit: int | None, rendered: RenderedRows | None) -> None:
    uri = found.uri
    root = Path(uri.removeprefix("file://")).expanduser()
    if scheme(uri) != "file" or not (root.exists() or root.is_symlink()):
        found.absent = f"{uri} is not on this machine" if scheme(uri) != "file" else f"{uri}: no such file or folder"
        found.complete = False
        return
    try:
        _read(found, root, source, limit, rendered)
    except DataError as error:
        found.faults.append(error)
        found.complete = False
    except _TooManyFaults:
        found.complete = False
    if not found.faults and not found.rows:
        found.faults.append(DataError("there are no rows", "a data set must have at least one"))


def _fitting(source: RowSource, found: Sequence[tuple[CheckedRows, RowSource]]) -> str | None:
    """Return whose rows fit the format and the names of fields; None if most rows of each data set do not."""
    fits = (one for one, other in found if (other.format, other.fields) == (source.format, source.fields))
    return next((_owner(one.label) for one in fits if one.rows > len(one.faults)), None)


def _read(found: CheckedRows, root: Path, source: RowSource, limit: int | None, rendered: RenderedRows | None) -> None:
    def fault(error: DataError) -> None:
        found.faults.append(error)
        if len(found.faults) >= MOST_FAULTS:
            raise _TooManyFaults

    checker = RowChecker(source.format, source.fields)
    files = list(parse_each(root, found.name, checker.columns, fault, found.name))
    most = None if limit is None else max(1, limit // max(1, len(files)))
    for number, rows in enumerate(files):
        for read, parsed in enumerate(rows):
            if read == most:
                found.complete = False
                break
            try:
                row = checker.check(parsed.value, parsed.where, parsed.repeated)
                found.add(row)
                if rendered is not None:
                    rendered.add(row)
            except DataError as error:
                if isinstance(error, MissingField):
                    _add_names(found, root, number, parsed)
                fault(error)


def _add_names(found: CheckedRows, root: Path, number: int, parsed: Parsed) -> None:
    """Add the names of the fields of a row that lacks one. A row of a table has only the columns of its format, so the
    others are read again."""
    value = parsed.value
    names = list(cast("dict[str, object]", value)) if isinstance(value, dict) else []
    table = parsed.is_cells
    if table and found.names.rows == 0:
        whole = next(list(parse_each(root, found.name, name=found.name))[number]).value
        names = list(cast("dict[str, object]", whole))
    elif table:
        return
    found.names.add(names, table)


def data_uris(federation: Federation, name: str) -> tuple[str, ...]:
    """Return the locations of the participant's data sets, from its policy, in the order of the training."""
    datasets = federation.policies[name].spec.named(federation.training.spec.data.names)
    return tuple(dataset.uri for dataset in datasets)


def _unrepeated(name: str) -> str:
    """The command that writes the rows of a data set once."""
    new = re.sub(r"(\.[A-Za-z0-9]+)?(\.gz)?/?$", "", name, count=1)
    return f"fedtrain convert {quoted(name)} --drop-repeated -o {quoted(f'{new}-unique.jsonl')}"


def _more(count: int) -> str:
    return f" ({several(count, 'row')})" if count > 1 else ""


def _repeated(one: CheckedRows) -> tuple[int, str, str] | None:
    """Return the number of rows that repeat an earlier row, and the first of them with that row."""
    first_at: dict[bytes, int] = {}
    later = [(at, first) for at, digest in enumerate(one.digests) if (first := first_at.setdefault(digest, at)) != at]
    if not later:
        return None
    at, first = later[0]
    return len(later), one.places[at], one.places[first]


def _in_both_splits(one: CheckedRows, data: Data, seed: int) -> int:
    """Return the number of validation rows that are also training rows; 0 if not all rows were read."""
    if one.who == HUB or not one.complete or one.faults or len(set(one.digests)) == one.rows:
        return 0
    from fedtrain.partitioning import split_indices, stream_of  # imports numpy, which takes a while

    train, validation = split_indices(one.rows, data.validation_fraction, seed, stream_of(one.who, one.dataset))
    trained = {one.digests[int(at)] for at in train}
    return sum(one.digests[int(at)] in trained for at in validation)


def _shared(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the pairs of data sets with common rows."""
    owner: dict[bytes, tuple[CheckedRows, str]] = {}
    pairs: dict[tuple[str, str], _Common] = {}
    for one in checked:
        for digest, place in _distinct(one).items():
            other, earlier = owner.setdefault(digest, (one, place))
            if other.label != one.label:
                found = pairs.setdefault((other.label, one.label), _Common(other, one, earlier, place))
                found.count += 1
    yield from map(str, pairs.values())


@dataclass
class _Common:
    """Rows that two data sets have in common, with the place of the first one in each."""

    one: CheckedRows
    other: CheckedRows
    first: str
    second: str
    count: int = 0

    def __str__(self) -> str:
        owners = f"{_owner(self.one.label)} and {_owner(self.other.label)}"
        whole = next((each for each in (self.other, self.one) if self.count == len(set(each.digests))), None)
        all_of = ""
        if whole is not None and self.count > 1:
            all_of = f", all {'' if whole.complete else 'checked '}rows of {_owner(whole.label)}"
        if self.other.who == HUB:
            advice = "Evaluate on rows that no participant trains on."
        elif whole is not None and self.one.who != self.other.who:
            advice = "Correct the `uri` in one of their policies, unless they have the same rows on purpose."
        else:
            advice = "Check that this is intended."
        rows = several(self.count, "row")
        return f"{owners} have {rows} in common{all_of} (first: {self.first} and {self.second}). {advice}"


def _owner(label: str) -> str:
    """A label in a sentence: `data set notes of bank-a`."""
    who, comma, dataset = label.partition(", ")
    return f"{dataset} of {who}" if comma else who


def _distinct(one: CheckedRows) -> Mapping[bytes, str]:
    found: dict[bytes, str] = {}
    for digest, place in zip(one.digests, one.places, strict=True):
        found.setdefault(digest, place)
    return found
