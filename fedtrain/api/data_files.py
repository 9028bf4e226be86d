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
_DOCUMENTS = (".pdf", ".docx", ".doc", ".odt", ".pptx", ".html", ".txt", ".md", ".rtf")


def file_type(name: str) -> FileType | None:
    """Return the type of a file, compressed or not; None if the suffix is unknown."""
    return TYPES.get(_plain(name).suffix)


def unknown_type(uri: str) -> tuple[str, str]:
    """Return what a file of no known type is, and the fix. `uri`: its path as in the file that names it."""
    if (found := without_rows(uri)) is None:
        return "not a supported data file", f"Use a file that ends in {SUPPORTED}"
    problem, fix, suffix = found
    new = f"{uri.removesuffix(PurePath(uri).suffix)}{suffix}"
    return problem, f"{fix[:1].upper()}{fix[1:]}, and set `uri: {new}`"


def without_rows(name: str) -> tuple[str, str, str] | None:
    """Return what a file of another program is, how to make rows of it, and the suffix of the new file; None for an
    unknown type."""
    suffix = PurePath(name.lower()).suffix
    if suffix in _WORKBOOKS:
        return "a spreadsheet (such as an Excel workbook), not text", "save it as CSV (UTF-8)", ".csv"
    if suffix in _DOCUMENTS:
        row = '`{"text": "..."}`'
        return "a document without rows", f"write its text as rows: a file with a line such as {row} for each", ".jsonl"
    return None


def is_gzip(name: str) -> bool:
    return name.lower().endswith(GZIP)


def is_tab_separated(name: str) -> bool:
    return _plain(name).suffix == ".tsv"


def _plain(name: str) -> PurePath:
    return PurePath(name.lower().removesuffix(GZIP))
