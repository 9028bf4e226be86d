"""Reads the validated rows of a data set: a file, a folder of files, a saved data set, or `s3://`."""

from pathlib import Path

from fedtrain.api.data import Fields, Format
from fedtrain.contracts.places import Place
from fedtrain.data.downloads import downloaded
from fedtrain.data.errors import DataError
from fedtrain.data.formats import RowChecker
from fedtrain.data.parsing import parse_all
from fedtrain.data.row import Row
from fedtrain.data.row_limit import check_number


def read_rows(uri: str, format: Format, place: Place | None = None, fields: Fields | None = None) -> list[Row]:
    """Return all rows, in order: files of a folder by name, rows as in the file. `place`: access to the bucket of
    a `uri` with s3://. Raises DataError naming file, line and field; StoreError."""
    root = local(uri, place)
    checker = RowChecker(format, fields)
    name = uri.rstrip("/").rpartition("/")[2]  # errors leave the participant, its folders do not
    rows: list[Row] = []
    for parsed in parse_all(root, name, checker.columns):
        rows.append(checker.check(parsed.value, parsed.where, parsed.repeated, is_cells=parsed.is_cells))
        check_number(len(rows), name)
    if not rows:
        raise DataError(f"{name}: there are no rows", "a data set must have at least one")
    return rows


def local(uri: str, place: Place | None = None) -> Path:
    """Return the path of a data set, downloaded from `s3://`; without `place`, with the server and the credentials of
    the AWS environment. Raises DataError, StoreError."""
    if uri.startswith("s3://"):
        return downloaded(uri, place or Place(name="data"))
    return Path(uri.removeprefix("file://")).expanduser()
