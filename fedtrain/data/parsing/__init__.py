"""Parses the rows of a data set: one file per kind of container behind `parse` and `parse_all`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fedtrain.api.data_files import file_type
from fedtrain.data.errors import DataError
from fedtrain.data.files import data_files, unreadable
from fedtrain.data.parsing.csv_rows import csv_rows
from fedtrain.data.parsing.json_rows import json_file, json_lines
from fedtrain.data.parsing.parsed import OnFault, Parsed, raising
from fedtrain.data.parsing.tables import is_saved_dataset, parquet_rows, saved_dataset_rows
from fedtrain.data.parsing.text_files import UTF8, opened


def parse_all(root: Path, shown: str, columns: Sequence[str] | None = None) -> Iterator[Parsed]:
    """Yield the rows of a data set on this machine, before validation: files of a folder by name, rows as in the file.
    `shown`: the data set in messages. `columns`: those of a table to read; None for all. Raises DataError."""
    for rows in parse_each(root, shown, columns):
        yield from rows


def parse_each(
    root: Path,
    shown: str,
    columns: Sequence[str] | None = None,
    fault: OnFault = raising,
    name: str | None = None,
    encoding: str = UTF8,
) -> Iterator[Iterator[Parsed]]:
    """Yield the rows of each file. `fault` gets what is wrong with one row; errors of a whole file are raised. `name`:
    path of the data set before the names of its files in messages; without it they begin in the folder. `encoding`: of
    files that are text. Raises DataError."""
    if _is_saved(root, shown):
        yield saved_dataset_rows(root, columns, name or root.name)
        return
    for file, shown_file in data_files(root, shown, name):
        yield parse(file, shown_file, columns, fault, encoding)


def _is_saved(root: Path, shown: str) -> bool:
    """Whether `root` is a Hugging Face data set on disk. Raises DataError if nothing can be read there."""
    try:
        if not root.exists() and not root.is_symlink():
            raise DataError(f"{shown}: no such file or folder", "correct the path")
        if (root / "dataset_dict.json").is_file():
            raise DataError(f"{shown}: a dictionary of data sets", f"name one of its folders, such as `{shown}/train`")
        return is_saved_dataset(root)
    except OSError as error:
        raise unreadable(shown, error) from error


def parse(
    file: Path, name: str, columns: Sequence[str] | None = None, fault: OnFault = raising, encoding: str = UTF8
) -> Iterator[Parsed]:
    """Yield the rows of a file of a known type. `name`: the file in messages. `fault`, `encoding`: see `parse_each`.
    Raises DataError."""
    kind = file_type(file.name)
    with opened(file, name, UTF8 if kind == "Parquet" else encoding) as content:
        match kind:
            case "Parquet":
                yield from parquet_rows(content, name, columns)
            case "CSV":
                yield from csv_rows(content, name, columns, fault)
            case "JSON":
                yield from json_file(content, name, fault)
            case _:
                yield from json_lines(content, name, fault)
