"""Error output: plain words on stderr, exit code 1, without a traceback.

Exit codes: 0 success, 1 an error that `explain` describes, 2 wrong usage (click). Only bugs print a traceback: errors
that `explain` does not know, or every error with `fedtrain --debug`.
"""

import errno
import os
import sys
from collections.abc import Mapping
from pathlib import Path

EXPECTED = (
    # module, exception, whether its text is printed without a prefix
    ("fedtrain.api.reading.errors", "Invalid", True),
    ("fedtrain.ledger.store", "StoreError", False),
    ("fedtrain.ledger.run_claim", "SpecDiffers", False),
    ("fedtrain.adapters.errors", "AdapterFileError", False),
    ("fedtrain.runner.errors", "RunError", False),
)

EXTRA = ("torch", "transformers", "peft", "accelerate", "datasets", "pyarrow", "psutil", "matplotlib", "jinja2")
"""Packages of `fedtrain[local]`, which training on this machine needs."""


FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the errors of a full disk."""
_FREE_SPACE = "Free space on the disk, then run the same command again"
_SYSTEM_ERRORS: dict[int | None, tuple[str, str]] = {
    # number: problem, fix
    errno.EROFS: ("the file system is read-only", "Mount it writable, or choose a path on another disk"),
    errno.ENOENT: ("it does not exist", "Correct the path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Correct the path"),
    errno.EISDIR: ("it is a folder, not a file", "Use the path of a file"),
    errno.EEXIST: ("it exists and is not a folder", "Choose another path"),
    errno.ENAMETOOLONG: ("the name is too long", "Use a shorter name"),
    errno.ELOOP: ("it is a symbolic link to itself", "Correct the link"),
    errno.ENOSPC: ("the disk is full", _FREE_SPACE),
    errno.EDQUOT: ("the disk quota is used up", _FREE_SPACE),
    errno.EMFILE: ("too many files are open", "Raise the limit with `ulimit -n 4096`"),
}


class UserError(Exception):
    """An error that the user can fix. `hint` says how, in one line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class TrainingsFailed(UserError):
    """Some of a comparison's trainings and measurements failed. `failed`: the reason by label."""

    def __init__(self, failed: Mapping[str, str], hint: str) -> None:
        lines = "\n".join(f"  {what}: {why}" for what, why in failed.items())
        super().__init__(f"some trainings failed:\n{lines}", hint)


def explain(error: Exception) -> str | None:
    """Return the text to print for `error`; None if it is a bug. Imports nothing: an error whose module was never
    imported cannot have been raised."""
    if isinstance(error, UserError):
        return f"error: {error.message}" + (f"\nhint: {_sentence(error.hint)}" if error.hint else "")
    for module, name, whole in EXPECTED:
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            return str(error) if whole else f"error: {error}"
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRA:
        return f"error: this needs the package {error.name}\nhint: Run pip install 'fedtrain[local]'."
    if isinstance(error, OSError):
        return _cause_of_error(error) or _system_error(error)
    return None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def _cause_of_error(error: OSError) -> str | None:
    """Return the error during whose handling a system error happened: a full disk fails again while a run closes."""
    before = error.__context__ if error.__cause__ is None else None  # `raise from` chooses the words itself
    return explain(before) if isinstance(before, Exception) else None


def denied(path: Path) -> tuple[str, str]:
    """Return why `path` cannot be read, written or deleted, and the fix: the folder's permission decides about a file
    that does not exist, and about deleting one."""
    from fedtrain.permissions import access_fix

    folder = next((above for above in path.absolute().parents if os.access(above, os.F_OK)), Path("/"))
    if not os.access(path, os.F_OK) or not os.access(folder, os.W_OK | os.X_OK):
        change = access_fix(folder, "rwx")
        return f"{path}: you may not write in the folder {folder}", f"Choose another path, or {change}"
    return f"{path}: you may not read or write it", access_fix(path, "rw")


def _system_error(error: OSError) -> str:
    if isinstance(error, PermissionError) and isinstance(error.filename, str):
        problem, fix = denied(Path(error.filename))
        return f"error: {problem}\nhint: {_sentence(fix)}"
    problem, fix = _SYSTEM_ERRORS.get(error.errno, (error.strerror or str(error), ""))
    place = f"{error.filename}: " if error.filename is not None else ""
    return f"error: {place}{problem}" + (f"\nhint: {_sentence(fix)}" if fix else "")
