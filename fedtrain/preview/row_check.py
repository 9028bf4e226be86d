"""Checks rows of a federation's data sets as the trainer reads them, and collects all faults and warnings."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

from fedtrain.api.data import RowSource
from fedtrain.api.places import scheme, short_path
from fedtrain.api.reading.federation import Federation
from fedtrain.data.errors import DataError, MissingField
from fedtrain.data.formats import RowChecker
from fedtrain.data.parsing import parse_each
from fedtrain.data.parsing.parsed import Parsed
from fedtrain.data.row_limit import check_number
from fedtrain.preview.checked_rows import HUB, CheckedRows, owner
from fedtrain.preview.missing_fields import advised
from fedtrain.preview.rendered_rows import RenderedRows

MOST_FAULTS = 1000
"""Faults of one data set after which no more rows are read."""
MOST_DATA_SETS = 20
"""Data sets that get the full sample; more share as many rows."""


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
                found.append((_unchecked(federation, who, uri, name), source))
    if spec.evaluation.hub is not None:
        uri = spec.evaluation.hub.data.uri
        source = RowSource("", spec.data.format, spec.data.fields)
        found.append((_unchecked(federation, HUB, uri), source))
    limit = sample_size(limit, len(found))
    for checked, source in found:
        _check(checked, source, limit, rendered)
    for checked, source in found:
        checked.faults = advised(checked.faults, checked.rows, source, checked.names, _fitting(source, found))
    return [checked for checked, _ in found]


def sample_size(limit: int | None, data_sets: int) -> int | None:
    """Return how many rows of each data set to read: `limit`, or fewer if there are many data sets; None reads all."""
    return None if limit is None else min(limit, max(1, MOST_DATA_SETS * limit // max(1, data_sets)))


def _unchecked(federation: Federation, who: str, uri: str, dataset: str | None = None) -> CheckedRows:
    path = federation.resolve(uri)
    return CheckedRows(who, path, short_path(path), dataset)


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
    return next((owner(one.label) for one in fits if one.rows > len(one.faults)), None)


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
                row = checker.check(parsed.value, parsed.where, parsed.repeated, is_cells=parsed.is_cells)
                found.add(row)
                if rendered is not None:
                    rendered.add(row)
            except DataError as error:
                if isinstance(error, MissingField):
                    _add_names(found, root, number, parsed)
                fault(error)
            check_number(found.rows, found.name)


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
