"""Parquet files and Hugging Face data sets on disk."""

from collections.abc import Iterable, Iterator, Sequence
from gzip import BadGzipFile
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from fedtrain.data.errors import DataError
from fedtrain.data.parsing.parsed import Parsed


def parquet_rows(content: IO[bytes], name: str, columns: Sequence[str] | None) -> Iterator[Parsed]:
    """Yield the rows of a Parquet file. Raises DataError; OSError."""
    try:
        parquet: Any = import_module("pyarrow.parquet")  # takes a while to import, and most data is JSON lines
    except ImportError as error:
        raise DataError(f"{name}: Parquet needs pyarrow", "pip install 'fedtrain[trainer]'") from error
    number = 0
    try:
        table: Any = parquet.ParquetFile(content)
        wanted = [column for column in table.schema_arrow.names if columns is None or column in columns]
        for batch in table.iter_batches(columns=wanted):
            for found in batch.to_pylist():
                number += 1
                yield Parsed(f"{name}: row {number}", number, _present(found), is_cells=True)
    except Exception as error:  # whatever pyarrow raises; its message may quote a row
        # For damaged pages, it is an OSError without a number.
        if isinstance(error, BadGzipFile) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise _unreadable(name, number, "Parquet file", error) from error


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` saved the folder with `save_to_disk`."""
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def saved_dataset_rows(root: Path, columns: Sequence[str] | None, name: str) -> Iterator[Parsed]:
    """Yield the rows of a Hugging Face data set on disk. `name`: its folder in messages. Raises DataError."""
    datasets: Any = import_module("datasets")  # as above
    number = 0
    try:
        dataset: Any = datasets.load_from_disk(str(root))
        wanted = [column for column in dataset.column_names if columns is None or column in columns]
        # Without columns, `datasets` forgets the number of rows.
        found_rows: Iterable[Any] = dataset.select_columns(wanted) if wanted else ({} for _ in range(len(dataset)))
        for number, found in enumerate(found_rows, start=1):
            yield Parsed(f"{name}: row {number}", number, _present(found), is_cells=True)
    except Exception as error:  # whatever the library raises; its message may quote a row
        raise _unreadable(name, number, "data set on disk", error) from error


def _unreadable(name: str, read: int, kind: str, error: Exception) -> DataError:
    """`read`: rows that were read before the error."""
    after = f" after row {read}" if read else ""
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"{name}: a text{after} is not UTF-8", "save its texts as UTF-8")
    return DataError(f"{name}: not a readable {kind}{after}", "write it again")


def _present(value: Any) -> Any:
    """Remove the nulls of objects: a table writes a field that other rows have as null, at every level."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {field: _present(item) for field, item in fields.items() if item is not None}
    return [_present(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value
