"""Reads the validated rows of a data set: JSON lines, Parquet, a folder of those, a saved data set, or `s3://`."""

from collections.abc import Iterator
from pathlib import Path

from fedtrain.api.data import Fields, Format
from fedtrain.api.storage import Storage
from fedtrain.data.downloads import downloaded
from fedtrain.data.errors import DataError
from fedtrain.data.files import data_files
from fedtrain.data.formats import RowChecker
from fedtrain.data.parsing import Parsed, is_saved_dataset, parse, parse_saved_dataset
from fedtrain.data.row import Row


def read_rows(uri: str, format: Format, storage: Storage, fields: Fields | None = None) -> list[Row]:
    """Return all rows, in order: files of a folder by name, rows as in the file. Raises DataError naming file, line and
    field; StoreError."""
    root = downloaded(uri, storage) if uri.startswith("s3://") else Path(uri.removeprefix("file://")).expanduser()
    checker = RowChecker(format, fields)
    rows = [
        checker.check(parsed.value, parsed.where, parsed.repeated) for parsed in parse_all(root, uri, checker.columns)
    ]
    if not rows:
        raise DataError(f"data {uri}: there are no rows", "a data set must have at least one")
    return rows


def parse_all(root: Path, shown: str, columns: tuple[str, ...] | None = None) -> Iterator[Parsed]:
    """Yield the rows of a data set on this machine, before validation. `shown`: the data set in messages. Raises
    DataError."""
    if not root.exists() and not root.is_symlink():
        raise DataError(f"data {shown}: no such file or folder", "correct the uri of the data set")
    if (root / "dataset_dict.json").is_file():
        raise DataError(f"data {shown}: a dictionary of data sets", f"name one of its folders, such as {shown}/train")
    if is_saved_dataset(root):
        yield from parse_saved_dataset(root, columns)
        return
    for file in data_files(root, shown):
        name = file.name if file == root else file.relative_to(root).as_posix()
        yield from parse(file, name, columns)
