"""Selects the files of a data set: every file is read or refused by name, none is skipped silently."""

import stat
from pathlib import Path

from fedtrain.api.data_files import SUPPORTED, file_type, without_rows
from fedtrain.data.errors import DataError

DOCUMENTATION = (".md", ".rst", ".html")
"""Suffixes of files that may accompany data in a folder."""
_DOCUMENTS = ("license", "notice", "readme", "_success")
"""Names of files, without suffix, that may accompany data in a folder, unless they have the suffix of a data file."""


def data_files(root: Path, shown: str, name: str | None = None) -> list[tuple[Path, str]]:
    """Return the files of the data set at `root`, sorted by path, each with its name in messages. `shown`: the data set
    in messages. `name`: path before the names of files of a folder. Raises DataError for a path that is neither file
    nor folder, and for files of other types. Hidden paths are skipped."""
    if not root.is_dir():
        return [_checked(root, name or root.name)]

    def named(path: Path) -> str:
        inside = path.relative_to(root).as_posix()
        return f"{name}/{inside}" if name else inside

    visible = [path for path in root.rglob("*") if not _is_hidden(path, root)]
    found = [path for path in sorted(visible) if not _is_documentation(path) and not _is_folder(path, named(path))]
    files = [_checked(path, named(path)) for path in found]
    if not files:
        raise DataError(f"{shown}: no data files in this folder", f"name a folder with files of type {SUPPORTED}")
    return files


def _checked(path: Path, name: str) -> tuple[Path, str]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        fix = "remove the link" if path.is_symlink() else "change its permissions"
        raise DataError(f"{name}: cannot be read ({error.strerror})", fix) from error
    if not stat.S_ISREG(mode):
        raise DataError(f"{name}: not a regular file", "remove it from the data set")
    if file_type(path.name) is None:
        if (found := without_rows(path.name)) is not None:
            problem, fix, _ = found
            raise DataError(f"{name}: {problem}", f"{fix}, and use the new file; or remove this one from the data set")
        fix = f"convert it to {SUPPORTED}, or remove it from the data set"
        raise DataError(f"{name}: unknown file type", fix)
    return path, name


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _is_folder(path: Path, name: str) -> bool:
    """Raises DataError for a link to a folder, whose files rglob leaves out."""
    if path.is_dir() and path.is_symlink():
        raise DataError(f"{name}: a link to a folder is not followed", "replace it with the folder, or remove it")
    return path.is_dir()


def _is_documentation(path: Path) -> bool:
    return path.suffix.lower() in DOCUMENTATION or (path.stem.lower() in _DOCUMENTS and file_type(path.name) is None)
