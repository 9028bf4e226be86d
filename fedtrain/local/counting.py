"""How many rows a data set has, from metadata where there are any; neither torch nor datasets is imported."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from fedtrain.api.places import scheme

LINES = (".jsonl", ".ndjson")
TABLE = ".parquet"


class CountError(Exception):
    """The rows can't be counted from here."""


def count_rows(uri: str) -> int:
    """Rows of a JSONL or Parquet file, a folder of those, or a Hugging Face data set on disk: what the trainer reads.
    Lines are counted, not read: whether they are good is the trainer's to say. Raises CountError."""
    if scheme(uri) != "file":
        raise CountError(f"{uri} is not on this machine")
    root = Path(uri.removeprefix("file://")).expanduser()
    try:
        if not root.exists():
            raise CountError(f"{root}: there is no such file or folder")
        if (root / "state.json").is_file() and (root / "dataset_info.json").is_file():
            return _saved_dataset(root)
        if (root / "dataset_dict.json").is_file():
            raise CountError(f"{root} is a dictionary of data sets; name one of its folders, such as {root}/train")
        files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
        known = [file for file in files if file.suffix in (*LINES, TABLE)]
        if not known:
            raise CountError(f"{root}: there are no .jsonl, .ndjson or .parquet files")
        return sum(_table(file) if file.suffix == TABLE else _lines(file) for file in known)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise CountError(f"{root} can't be read: {error}") from error


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _table(file: Path) -> int:
    rows: int = _arrow("pyarrow.parquet").ParquetFile(file).metadata.num_rows
    return rows


def _saved_dataset(root: Path) -> int:
    """`datasets.save_to_disk` writes Arrow streams and names them in state.json."""
    arrow = _arrow("pyarrow")
    state = json.loads((root / "state.json").read_bytes())
    rows = 0
    for file in state["_data_files"]:
        with arrow.memory_map(str(root / file["filename"])) as mapped:
            rows += sum(batch.num_rows for batch in arrow.ipc.open_stream(mapped))
    return rows


def _arrow(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise CountError("tables need pyarrow: pip install 'fedtrain[trainer]'") from error
