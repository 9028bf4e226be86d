"""Reads the validated rows of a data set: a file, a folder of files, a saved data set, or `s3://`."""

from pathlib import Path

from fedtrain.api.data import Fields, Format
from fedtrain.api.storage import Storage
from fedtrain.data.downloads import downloaded
from fedtrain.data.errors import DataError
from fedtrain.data.formats import RowChecker
from fedtrain.data.parsing import parse_all
from fedtrain.data.row import Row


def read_rows(uri: str, format: Format, storage: Storage, fields: Fields | None = None) -> list[Row]:
    """Return all rows, in order: files of a folder by name, rows as in the file. Raises DataError naming file, line and
    field; StoreError."""
    root = local(uri, storage)
    checker = RowChecker(format, fields)
    rows = [
        checker.check(parsed.value, parsed.where, parsed.repeated) for parsed in parse_all(root, uri, checker.columns)
    ]
    if not rows:
        raise DataError(f"data {uri}: there are no rows", "a data set must have at least one")
    return rows


def local(uri: str, storage: Storage) -> Path:
    """Return the path of a data set, downloaded from `s3://`. Raises DataError, StoreError."""
    return downloaded(uri, storage) if uri.startswith("s3://") else Path(uri.removeprefix("file://")).expanduser()
