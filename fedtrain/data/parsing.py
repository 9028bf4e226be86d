"""Parses the rows of data files: JSON lines, Parquet, and Hugging Face data sets on disk."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from fedtrain.data.errors import DataError
from fedtrain.data.files import is_parquet

BOM = b"\xef\xbb\xbf"
DEPTH = 100
"""Levels of lists and objects in a row. Python's own limit depends on its version."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One row before validation. `number` counts lines (of a table: rows) from 1. `where`: file and number, for
    messages. `raw`: the row as written, None for a row of a table. `repeated`: names that an object of the row has
    twice."""

    where: str
    number: int
    value: object
    raw: bytes | None = None
    repeated: tuple[str, ...] = ()


def parse(file: Path, name: str, columns: Sequence[str] | None = None) -> Iterator[Parsed]:
    """Yield the rows of a file. `name`: the file in messages. `columns`: those of a table to read; None for all.
    Raises DataError."""
    try:
        yield from _parquet(file, name, columns) if is_parquet(file) else _json_lines(file, name)
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or type(error).__name__})") from error


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` saved the folder with `save_to_disk`."""
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def parse_saved_dataset(root: Path, columns: Sequence[str] | None = None) -> Iterator[Parsed]:
    """Yield the rows of a Hugging Face data set on disk. Raises DataError."""
    datasets: Any = import_module("datasets")  # takes a while to import, and most data is JSON lines
    number = 0
    try:
        dataset: Any = datasets.load_from_disk(str(root))
        if columns is not None:
            dataset = dataset.select_columns([column for column in dataset.column_names if column in columns])
        for number, found in enumerate(dataset, start=1):
            yield Parsed(f"{root.name}: row {number}", number, _present(found))
    except Exception as error:  # whatever the library raises; its message may quote a row
        raise _unreadable(root.name, number, "data set on disk", error) from error


def _json_lines(file: Path, name: str) -> Iterator[Parsed]:
    with file.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(BOM) if number == 1 else raw
            if line.strip():
                yield _json(line, f"{name}:{number}", number)


def _json(line: bytes, where: str, number: int) -> Parsed:
    """Raises DataError without a word of the line."""
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return found

    try:
        value = json.loads(line, object_pairs_hook=unique)
        if line.count(b"[") + line.count(b"{") > DEPTH and depth(value) > DEPTH:
            raise RecursionError
        return Parsed(where, number, value, line, tuple(repeated))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 (byte {error.start} of the line)", "save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not valid JSON (column {error.colno})", "write one object per line") from error
    except ValueError as error:  # Python's limit on the digits of an integer
        raise DataError(f"{where}: a number has too many digits", "write it as a text, or remove the field") from error
    except RecursionError as error:
        raise DataError(f"{where}: lists or objects are nested too deep", f"use at most {DEPTH} levels") from error


def depth(value: object) -> int:
    """Return the levels of lists and objects in a JSON value."""
    levels, inside = 0, [value]
    while inside := [item for one in inside for item in _items(one)]:
        levels += 1
    return levels


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _parquet(file: Path, name: str, columns: Sequence[str] | None) -> Iterator[Parsed]:
    try:
        parquet: Any = import_module("pyarrow.parquet")  # as above
    except ImportError as error:
        raise DataError(f"{name}: Parquet needs pyarrow", "pip install 'fedtrain[trainer]'") from error
    number = 0
    try:
        table: Any = parquet.ParquetFile(file)
        wanted = [column for column in table.schema_arrow.names if columns is None or column in columns]
        for batch in table.iter_batches(columns=wanted):
            for found in batch.to_pylist():
                number += 1
                yield Parsed(f"{name}: row {number}", number, _present(found))
    except OSError:
        raise
    except Exception as error:  # whatever pyarrow raises; its message may quote a row
        raise _unreadable(name, number, "Parquet file", error) from error


def _unreadable(name: str, read: int, kind: str, error: Exception) -> DataError:
    """`read`: rows that were read before the error."""
    after = f" after row {read}" if read else ""
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"{name}: a text{after} is not UTF-8", "save its texts as UTF-8")
    return DataError(f"{name}: not a readable {kind}{after} ({type(error).__name__})", "write it again")


def _present(value: Any) -> Any:
    """Remove the nulls of objects: a table writes a field that other rows have as null, at every level."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {field: _present(item) for field, item in fields.items() if item is not None}
    return [_present(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value
