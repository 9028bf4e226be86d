"""Types of data files, by the suffix of their name."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

FileType = Literal["JSONLines", "JSON", "CSV", "Parquet"]

TYPES: Mapping[str, FileType] = {
    ".jsonl": "JSONLines",
    ".ndjson": "JSONLines",
    ".json": "JSON",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".parquet": "Parquet",
}
GZIP = ".gz"
SUPPORTED = f"{', '.join(TYPES)}, or one of them with {GZIP}"
"""For messages."""


_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods")


def file_type(name: str) -> FileType | None:
    """Return the type of a file, compressed or not; None if the suffix is unknown."""
    return TYPES.get(_plain(name).suffix)


def unknown_type(uri: str) -> tuple[str, str]:
    """Return what a file of no known type is, and the fix. `uri`: its path as in the file that names it."""
    if uri.lower().endswith(_WORKBOOKS):
        csv = f"{uri.removesuffix(PurePath(uri).suffix)}.csv"
        return "a spreadsheet (such as an Excel workbook), not text", f"Save it as CSV (UTF-8), and set `uri: {csv}`"
    return "not a supported data file", f"Use a file that ends in {SUPPORTED}"


def is_gzip(name: str) -> bool:
    return name.lower().endswith(GZIP)


def is_tab_separated(name: str) -> bool:
    return _plain(name).suffix == ".tsv"


def _plain(name: str) -> PurePath:
    return PurePath(name.lower().removesuffix(GZIP))
