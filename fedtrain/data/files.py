"""Selects the files of a data set: every file is read or refused by name, none is skipped silently."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from fedtrain.api.data_files import SUPPORTED, file_type, without_rows
from fedtrain.data.errors import DataError

CHANGE_PERMISSIONS = "change its permissions"
DOCUMENTATION = (".md", ".rst", ".html")
"""Suffixes of files that may accompany data in a folder."""
_DOCUMENTS = ("license", "notice", "readme", "_success")
"""Names of files, without suffix, that may accompany data in a folder, unless they have the suffix of a data file."""


def data_files(root: Path, shown: str, name: str | None = None) -> list[tuple[Path, str]]:
    """Return the files of the data set at `root`, sorted by path, each with its name in messages. `shown`: the data set
    in messages. `name`: path before the names of files of a folder. Raises DataError for a path that is neither file
    nor folder, for files of other types, and for folders that cannot be read. Hidden paths are skipped."""
    if not root.is_dir():
        return [_checked(root, name or root.name)]

    def named(path: Path) -> str:
        inside = path.relative_to(root).as_posix()
        return f"{name}/{inside}" if name else inside

    def failed(error: OSError) -> None:
        folder = Path(error.filename)
        raise unreadable(shown if folder == root else named(folder), error)

    found: list[Path] = []
    for inside, folders, names in os.walk(root, onerror=failed):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        _refuse_links(Path(inside), folders, named)
        found += [Path(inside, name) for name in names if not name.startswith(".")]
    files = [_checked(path, named(path)) for path in sorted(found) if not _is_documentation(path)]
    if not files:
        raise DataError(f"{shown}: no data files in this folder", f"name a folder with files of type {SUPPORTED}")
    return files


def _checked(path: Path, name: str) -> tuple[Path, str]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        is_link = not isinstance(error, PermissionError) and path.is_symlink()
        raise unreadable(name, error, "remove the link" if is_link else CHANGE_PERMISSIONS) from error
    if not stat.S_ISREG(mode):
        raise DataError(f"{name}: not a regular file", "remove it from the data set")
    if file_type(path.name) is None:
        if (found := without_rows(path.name)) is not None:
            problem, fix, _ = found
            raise DataError(f"{name}: {problem}", f"{fix}, and use the new file; or remove this one from the data set")
        fix = f"convert it to {SUPPORTED}, or remove it from the data set"
        raise DataError(f"{name}: unknown file type", fix)
    return path, name


def unreadable(name: str, error: OSError, fix: str = CHANGE_PERMISSIONS) -> DataError:
    """Return the error of a file or folder that cannot be read. `name`: of it in messages."""
    return DataError(f"{name}: cannot be read ({error.strerror})", fix)


def _refuse_links(folder: Path, names: list[str], named: Callable[[Path], str]) -> None:
    """Raises DataError for a link to a folder, whose files are not read."""
    for path in (folder / name for name in names):
        try:
            is_link = path.is_symlink()
        except OSError as error:
            raise unreadable(named(path), error) from error
        if is_link and not _is_documentation(path):
            problem = f"{named(path)}: a link to a folder is not followed"
            raise DataError(problem, "replace it with the folder, or remove it")


def _is_documentation(path: Path) -> bool:
    return path.suffix.lower() in DOCUMENTATION or (path.stem.lower() in _DOCUMENTS and file_type(path.name) is None)
