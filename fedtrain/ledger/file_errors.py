"""From the operating system's errors to the store's, each with the path and what to do about it."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from fedtrain.ledger.store import StoreError, StoreRefused, StoreUnavailable

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DISK_FULL = "The disk of the ledger is full"
"""Begin of the message, which names the folder of all runs: a file in it may have a long name."""
_DENIED = {errno.EACCES, errno.EPERM}
_MAY_RECOVER = {errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EMFILE, errno.ENFILE}


def explain(error: OSError, root: Path, path: Path) -> StoreError:
    """The StoreError that says what `error` means for `path` in the store at `root`."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    what = f"The folder of the ledger, {root}, can't be used ({path}: {reason})."
    if error.errno in FULL:
        return StoreRefused(f"{DISK_FULL}: {root} ({reason}). Free some space or raise the quota.")
    if error.errno in _DENIED:
        folder = next((above for above in (path, *path.parents) if os.path.exists(above)), root)  # noqa: PTH110 - no error for a closed folder
        return StoreRefused(
            f"The folder of the ledger, {root}, can't be used: user {_user()} needs to read and write {folder}. "
            "Change its owner or permissions, or name another folder in `storage.file.path`."
        )
    if error.errno == errno.EROFS:
        return StoreRefused(
            f"The folder of the ledger, {root}, is mounted read-only. Name a folder in `storage.file.path` that can be "
            "written."
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return StoreError(f"{what} A file is where a folder is needed, or the reverse: move it away.")
    if error.errno in _MAY_RECOVER:
        return StoreUnavailable(f"{what} That may pass: it is tried again.")
    return StoreError(f"{what} Check the disk, or name another folder in `storage.file.path`.")


@contextmanager
def explained(root: Path, path: Path) -> Generator[None]:
    """Turns every OSError inside into a StoreError."""
    try:
        yield
    except OSError as error:
        raise explain(error, root, path) from error


def _user() -> str:
    return f"{os.getuid()}" if hasattr(os, "getuid") else "this user"
