"""Rows from where the data is: JSONL, Parquet, a folder of those, a Hugging Face data set on disk, or `s3://`."""

# pyright: basic
# (rows are checked here, value by value)

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fedtrain.api.data import Format
from fedtrain.api.storage import Storage
from fedtrain.data.downloads import downloaded
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row, check

SUFFIXES = (".jsonl", ".ndjson", ".parquet")


def read_rows(uri: str, format: Format, storage: Storage) -> list[Row]:
    """All rows, in order: files of a folder by name, rows as in the file. Raises DataError naming file and line."""
    root = downloaded(uri, storage) if uri.startswith("s3://") else Path(uri.removeprefix("file://")).expanduser()
    if not root.exists():
        raise DataError(f"data {uri}: there is no such file or folder; correct the uri of the data set")
    if root.is_dir() and (root / "dataset_dict.json").exists():
        raise DataError(f"data {uri}: this is a dictionary of data sets; name one of its folders, such as {uri}/train")
    if root.is_dir() and (root / "state.json").exists() and (root / "dataset_info.json").exists():
        rows = list(_saved_dataset(root, format))
    else:
        rows = [row for file in _files(root, uri) for row in _file(file, _shown(file, root), format)]
    if not rows:
        raise DataError(f"data {uri}: there are no rows; a file must have at least one")
    return rows


def _files(root: Path, uri: str) -> list[Path]:
    if root.is_file():
        if root.suffix not in SUFFIXES:
            raise DataError(f"data {uri}: unknown kind of file {root.name}; write one of {', '.join(SUFFIXES)}")
        return [root]
    files = sorted(file for file in root.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise DataError(f"data {uri}: no files {', '.join('*' + suffix for suffix in SUFFIXES)} in this folder")
    return files


def _shown(file: Path, root: Path) -> str:
    return file.name if file == root else file.relative_to(root).as_posix()


def _file(file: Path, name: str, format: Format) -> Iterator[Row]:
    try:
        yield from _parquet(file, name, format) if file.suffix == ".parquet" else _jsonl(file, name, format)
    except OSError as error:
        raise DataError(f"{name}: it can't be read: {error}") from error


def _jsonl(file: Path, name: str, format: Format) -> Iterator[Row]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{name}:{number}"
            try:
                found = json.loads(line)
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{where}: not UTF-8 (byte {error.start} of the line); save the file as UTF-8"
                ) from error
            except ValueError as error:
                raise DataError(f"{where}: not JSON: {error}; write one object a line") from error
            yield check(found, format, where)


def _parquet(file: Path, name: str, format: Format) -> Iterator[Row]:
    from pyarrow import ArrowInvalid, parquet  # takes a while to import, and most data are JSONL

    try:
        table = parquet.ParquetFile(file)
        wanted = [column for column in table.schema_arrow.names if column in _COLUMNS[format]]
        number = 0
        for batch in table.iter_batches(columns=wanted):
            for found in batch.to_pylist():
                number += 1
                yield check(_present(found), format, f"{name}: row {number}")
    except ArrowInvalid as error:
        raise DataError(f"{name}: not a Parquet file: {error}") from error


def _saved_dataset(root: Path, format: Format) -> Iterator[Row]:
    from datasets import load_from_disk  # as above

    try:
        dataset: Any = load_from_disk(str(root))
    except (ValueError, OSError) as error:
        raise DataError(f"data {root}: it can't be read as a data set on disk: {error}") from error
    dataset = dataset.select_columns([column for column in dataset.column_names if column in _COLUMNS[format]])
    for number, found in enumerate(dataset, start=1):
        yield check(_present(found), format, f"{root.name}: row {number}")


_COLUMNS = {
    "Messages": ("messages", "choices"),
    "PromptCompletion": ("prompt", "completion", "choices"),
    "Text": ("text",),
}


def _present(found: dict[str, Any]) -> dict[str, Any]:
    """Tables write a missing field as null."""
    return {field: value for field, value in found.items() if value is not None}
