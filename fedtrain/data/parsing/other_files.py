"""Recognises files by their first bytes whose name promises another type."""

from itertools import chain, count
from pathlib import Path

from fedtrain.api.data_files import GZIP, file_type, is_gzip
from fedtrain.data import git_lfs

LENGTH = 64
"""Bytes that are enough to recognise a file."""
GZIP_BYTES = b"\x1f\x8b"
_PARQUET = b"PAR1"
_JSON = b'{"'
_UNPACK = "unpack it, and name the unpacked file"
_EXPORT = "export its rows as CSV"
_OTHERS = (
    # first bytes: what the file is, and the fix
    (b"PK\x03\x04", "an Excel workbook or a zip archive, not text", "export it as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook, not text", "export it as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "compressed with xz", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, not text", _UNPACK),
    (b"SQLite format 3\x00", "an SQLite database, not text", _EXPORT),
    (b"%PDF-", "a PDF document, not rows", "write its text as rows"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
)


def problem_of(first: bytes, file: Path) -> tuple[str, str] | None:
    """Return what a file is that its name does not say, and the fix; None for what the name promises. `first`: its
    first bytes."""
    if first.startswith(git_lfs.POINTER):
        return git_lfs.IS_POINTER, git_lfs.FIX
    if is_gzip(file.name) and first and not first.startswith(GZIP_BYTES):
        return "not a gzip file", f"remove {GZIP} from its name, or compress it"
    if not is_gzip(file.name) and first.startswith(GZIP_BYTES):
        return f"a gzip file without {GZIP} in its name", rename(_unused(file, file.stem, file.suffix + GZIP))
    kind = file_type(file.name)
    if kind != "Parquet" and first.startswith(_PARQUET):
        return f"a Parquet file, but the name ends in {file.suffix}", rename(_unused(file, file.stem, ".parquet"))
    if kind in ("CSV", "Parquet") and first.startswith(_JSON):
        return f"rows of JSON, but the name ends in {file.suffix}", rename(_unused(file, file.stem, ".jsonl"))
    return next(((problem, fix) for magic, problem, fix in _OTHERS if first.startswith(magic)), None)


def rename(name: str) -> str:
    """The fix of a file whose name has the wrong ending."""
    return f"rename it to `{name}`, and use the new name"


def _unused(file: Path, stem: str, ending: str) -> str:
    """Return the name that no other file of the folder has, with a number if needed."""
    names = (f"{stem}{number}{ending}" for number in chain([""], map("-{}".format, count(1))))
    return next(name for name in names if not file.with_name(name).exists())
