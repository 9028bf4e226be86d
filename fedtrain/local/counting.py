"""How many rows a data set has, each checked as the trainer would."""

from pathlib import Path

from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.reading import read_rows

from fedtrain.api.data import Format
from fedtrain.api.places import scheme
from fedtrain.api.storage import Storage


class CountError(Exception):
    """The rows can't be counted from here."""


class BadRows(Exception):
    """The trainer would refuse these data; the message names file, line and field."""


def count_rows(uri: str, format: Format) -> int:
    """Rows of a JSONL or Parquet file, a folder of those, or a Hugging Face data set on disk. Raises CountError,
    BadRows."""
    if scheme(uri) != "file":
        raise CountError(f"{uri} is not on this machine")
    if not Path(uri.removeprefix("file://")).expanduser().exists():
        raise CountError(f"{uri}: there is no such file or folder")
    try:
        return len(read_rows(uri, format, Storage()))
    except Refused as error:
        raise BadRows(str(error)) from error
