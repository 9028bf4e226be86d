"""A file without a valid `data.format`: the format that the rows of its data sets have."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fedtrain.api.places import absolute, scheme
from fedtrain.api.reading import Federation, Invalid, read_file
from fedtrain.api.reading.documents import Documents
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.reading.source import read_text

_FORMAT = ("spec", "data", "format")
_ROWS = 3
"""First rows of a file that are read."""


def read_with_format_of_rows(file: Path) -> Federation:
    """Return the federation that a file describes. Raises Invalid with all errors; that of `data.format` with the
    format of the rows on this machine, if it is known."""
    try:
        return read_file(file)
    except Invalid as invalid:
        raise _with_format_of_rows(invalid, file) from None


def _with_format_of_rows(invalid: Invalid, file: Path) -> Invalid:
    """A misspelt format is known from its name."""
    if not any(error.path == _FORMAT and "Did you mean" not in error.fix for error in invalid.errors):
        return invalid
    found = next(filter(None, (_format(Path(uri), place) for uri, place in _data_files(file))), None)
    if found is None:
        return invalid
    name, fields, place = found
    fix = f"Write `format: {name}`: the rows of {place} have the {fields}."
    errors = [replace(error, fix=fix) if error.path == _FORMAT else error for error in invalid.errors]
    return Invalid(errors, invalid.without_policies)


def _data_files(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the paths of data sets that policies in the file name, each also as it is in the file."""
    for document in Documents(read_text(file)).found:
        datasets = document.at(("spec", "datasets")) if document.at(("kind",)) == "ParticipantPolicy" else None
        for dataset in datasets if is_list(datasets) else ():
            uri = dataset.get("uri") if is_map(dataset) else None
            if isinstance(uri, str) and scheme(uri) == "file":
                yield absolute(uri, file.absolute().parent).removeprefix("file://"), uri


def _format(path: Path, place: str) -> tuple[str, str, str] | None:
    """Return the format of the first rows, the fields that show it and the place; None if it is unclear."""
    from fedtrain.data.errors import DataError
    from fedtrain.data.formats import FORMATS, format_of
    from fedtrain.data.parsing import parse_each

    rows: list[dict[str, object]] = []
    try:
        for parsed in next(iter(parse_each(path, place, name=place)), ()):
            if is_map(parsed.value):
                rows.append(parsed.value)
            if len(rows) == _ROWS:
                break
    except (DataError, OSError):
        return None
    name = format_of(*rows) if rows else None
    if name is None:
        return None
    required = FORMATS[name].required
    return name, f"{'fields' if len(required) > 1 else 'field'} {' and '.join(required)}", place
