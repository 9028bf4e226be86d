"""Checks rows of a federation's data sets as the trainer reads them: all faults, warnings and repeated rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from fedtrain.api.data import Data
from fedtrain.api.places import scheme
from fedtrain.api.reading.federation import Federation
from fedtrain.data.errors import DataError, MissingField
from fedtrain.data.formats import RowChecker
from fedtrain.data.parsing import parse_each
from fedtrain.data.parsing.parsed import Parsed
from fedtrain.data.row import PROBLEMS, Problem, Row, row_digest
from fedtrain.plurals import form, several
from fedtrain.preview.choices_check import Offered
from fedtrain.preview.missing_fields import RowNames, advised

HUB = "evaluation.hub"
SAMPLED = 100
"""Rows of each data set that the chat template and the tokenizer are tried on."""
MOST_FAULTS = 1000
"""Faults of one data set after which no more rows are read."""
MOST_DATA_SETS = 20
"""Data sets that get the full sample; more share as many rows."""


@dataclass
class CheckedRows:
    """What was found in the data set of `who`: a participant or `HUB`. `name`: path of the data set in messages, from
    the folder of the federation file. `complete`: whether all rows were read.
    `absent`: why the rows cannot be read on this machine. `warnings`: number of rows and the first one's text."""

    who: str
    uri: str
    name: str
    complete: bool = True
    absent: str | None = None
    faults: list[DataError] = field(default_factory=list[DataError])
    warnings: dict[Problem, tuple[int, str]] = field(default_factory=dict[Problem, tuple[int, str]])
    sample: list[Row] = field(default_factory=list[Row])
    digests: list[bytes] = field(default_factory=list[bytes])
    places: list[str] = field(default_factory=list[str])
    offered: Offered = field(default_factory=Offered)
    names: RowNames = field(default_factory=RowNames)

    @property
    def rows(self) -> int:
        """Number of valid rows."""
        return len(self.digests)

    def add(self, row: Row) -> None:
        self.digests.append(row_digest(row))
        self.places.append(row.where)
        self.offered.add(row)
        if len(self.sample) < SAMPLED:
            self.sample.append(row)
        for warning in row.warnings:
            count, first = self.warnings.get(warning.problem, (0, warning.text(row.where)))
            self.warnings[warning.problem] = (count + 1, first)


class _TooManyFaults(Exception):
    """No more rows need to be read."""


def check_rows(federation: Federation, limit: int | None, skip: Collection[str] = ()) -> list[CheckedRows]:
    """Return the findings of all participants, except those in `skip`, and the hub. `limit`: rows to read of each data
    set, the first ones of each of its files; None reads all."""
    spec = federation.training.spec
    uris = {one.name: data_uri(federation, one.name) for one in spec.participants if one.name not in skip}
    if spec.evaluation.hub is not None:
        uris[HUB] = spec.evaluation.hub.data.uri
    if limit is not None:
        limit = min(limit, max(1, MOST_DATA_SETS * limit // max(1, len(uris))))
    return [
        _check(CheckedRows(who, federation.resolve(uri), _name(federation, uri)), spec.data, limit)
        for who, uri in uris.items()
    ]


def notes(checked: Sequence[CheckedRows], spec_data: Data, seed: int) -> Iterator[str]:
    """Yield warnings about rows, with the place of the first one and no value."""
    for one in checked:
        for problem in PROBLEMS:
            if found := one.warnings.get(problem):
                yield f"{one.who}: {found[1]}{_more(found[0])}"
        if one.rows and (repeated := _repeated(one)):
            count, later, earlier = repeated
            yield (
                f"{one.who}: {count:,} of {several(one.rows, 'row')} {form(count, 'is', 'are')} repeated "
                f"(first: {later} is {earlier}). Remove them."
            )
        if leaked := _in_both_splits(one, spec_data, seed):
            yield (
                f"{one.who}: {several(leaked, 'validation row')} {form(leaked, 'is', 'are')} also in the "
                "training split, so validation is too optimistic. "
                "Remove repeated rows."
            )
    yield from _shared(checked)


def _name(federation: Federation, uri: str) -> str:
    """Return the path of a data set from the folder of the federation file, or its absolute path if it is elsewhere."""
    path = federation.resolve(uri)
    folder = f"{federation.path.parent}/"
    return str(Path(path.removeprefix(folder))) if path.startswith(folder) else path


def _check(found: CheckedRows, data: Data, limit: int | None) -> CheckedRows:
    uri = found.uri
    root = Path(uri.removeprefix("file://")).expanduser()
    if scheme(uri) != "file" or not (root.exists() or root.is_symlink()):
        found.absent = f"{uri} is not on this machine" if scheme(uri) != "file" else f"{uri}: no such file or folder"
        found.complete = False
        return found
    try:
        _read(found, root, data, limit)
    except DataError as error:
        found.faults.append(error)
        found.complete = False
    except _TooManyFaults:
        found.complete = False
    found.faults = advised(found.faults, found.rows, data, found.names)
    if not found.faults and not found.rows:
        found.faults.append(DataError("there are no rows", "a data set must have at least one"))
    return found


def _read(found: CheckedRows, root: Path, data: Data, limit: int | None) -> None:
    def fault(error: DataError) -> None:
        found.faults.append(error)
        if len(found.faults) >= MOST_FAULTS:
            raise _TooManyFaults

    checker = RowChecker(data.format, data.fields)
    files = list(parse_each(root, found.name, checker.columns, fault, found.name))
    most = None if limit is None else max(1, limit // max(1, len(files)))
    for number, rows in enumerate(files):
        for read, parsed in enumerate(rows):
            if read == most:
                found.complete = False
                break
            try:
                found.add(checker.check(parsed.value, parsed.where, parsed.repeated))
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


def data_uri(federation: Federation, name: str) -> str:
    """Return the location of the participant's data, from its policy."""
    return federation.policies[name].spec.dataset(federation.training.spec.data.dataset).uri


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
    from fedtrain.partitioning import split_indices  # imports numpy, which takes a while

    train, validation = split_indices(one.rows, data.validation_fraction, seed, one.who)
    trained = {one.digests[int(at)] for at in train}
    return sum(one.digests[int(at)] in trained for at in validation)


def _shared(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the pairs of data sets with common rows."""
    owner: dict[bytes, tuple[str, str]] = {}
    pairs: dict[tuple[str, str], tuple[int, str, str]] = {}
    for one in checked:
        for digest, place in _distinct(one).items():
            who, earlier = owner.setdefault(digest, (one.who, place))
            if who != one.who:
                count, first, second = pairs.get((who, one.who), (0, earlier, place))
                pairs[who, one.who] = (count + 1, first, second)
    for (who, other), (count, first, second) in pairs.items():
        advice = "Evaluate on rows that no participant trains on." if other == HUB else "Check that this is intended."
        yield f"{who} and {other} have {several(count, 'row')} in common (first: {first} and {second}). {advice}"


def _distinct(one: CheckedRows) -> Mapping[bytes, str]:
    found: dict[bytes, str] = {}
    for digest, place in zip(one.digests, one.places, strict=True):
        found.setdefault(digest, place)
    return found
