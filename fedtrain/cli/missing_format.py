"""A file without a valid `data.format`: the format that the rows of its data sets have."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from fedtrain.api.places import absolute, scheme
from fedtrain.api.reading import Federation, Invalid, read_file
from fedtrain.api.reading.documents import Documents
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.reading.source import read_text

_FORMAT = ("spec", "data", "format")
_ROWS = 3
"""First rows of a file that are read."""


def read_with_format_of_rows(file: Path, data_elsewhere: Collection[str] = ()) -> Federation:
    """Return the federation that a file describes. Raises Invalid with all errors; that of `data.format` with the
    format of the rows on this machine, if it is known. `data_elsewhere`: as in `read_file`."""
    try:
        return read_file(file, data_elsewhere=data_elsewhere)
    except Invalid as invalid:
        raise _with_format_of_rows(invalid, file) from None


def _with_format_of_rows(invalid: Invalid, file: Path) -> Invalid:
    """A misspelt format is known from its name."""
    if not any(error.path == _FORMAT and "Did you mean" not in error.fix for error in invalid.errors):
        return invalid
    named = _named_fields(file)
    fix = next(filter(None, (_fix(Path(uri), place, named) for uri, place in _data_files(file))), None)
    if fix is None:
        return invalid
    errors = [replace(error, fix=fix) if error.path == _FORMAT else error for error in invalid.errors]
    return Invalid(errors, invalid.without_policies)


def _named_fields(file: Path) -> dict[str, str]:
    """Return `data.fields` of the file, as far as it is valid."""
    for document in Documents(read_text(file)).found:
        fields = document.at(("spec", "data", "fields"))
        if is_map(fields):
            return {name: column for name, column in fields.items() if isinstance(column, str)}
    return {}


def _data_files(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the paths of data sets that policies in the file name, each also as it is in the file."""
    for document in Documents(read_text(file)).found:
        datasets = document.at(("spec", "datasets")) if document.at(("kind",)) == "ParticipantPolicy" else None
        for dataset in datasets if is_list(datasets) else ():
            uri = dataset.get("uri") if is_map(dataset) else None
            if isinstance(uri, str) and scheme(uri) == "file":
                yield absolute(uri, file.absolute().parent).removeprefix("file://"), uri


def _fix(path: Path, place: str, named: Mapping[str, str]) -> str | None:
    """Return what to write for the first rows of a file; None if it is unclear. `named`: `data.fields`."""
    from fedtrain.preview.missing_fields import format_by_names

    rows = _first_rows(path, place)
    found = format_by_names(rows, named) if rows else None
    if found is None:
        return None
    name, columns = found
    others = {field: column for field, column in columns.items() if column != named.get(field, field)}
    fields = f" and `fields: {flow(others)}`" if others else ""
    have = f"{'fields' if len(columns) > 1 else 'field'} {' and '.join(columns.values())}"
    return f"Write `format: {name}`{fields}: the rows of {place} have the {have}."


def _first_rows(path: Path, place: str) -> list[dict[str, object]]:
    """Return the first rows that are objects; none if the file cannot be read."""
    from fedtrain.data.errors import DataError
    from fedtrain.data.parsing import parse_each

    try:
        parsed = next(iter(parse_each(path, place, name=place)), ())
        return list(islice((one.value for one in parsed if is_map(one.value)), _ROWS))
    except (DataError, OSError):
        return []
