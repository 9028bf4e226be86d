"""Temporary files of a file store: written aside, published whole, removed after a writer that was killed.

A writer holds a lock (flock) on its file while it lives; the kernel lets go of it when the process dies, however it
dies, and on whatever host or in whatever container of the same folder. So a file that can be locked has no writer.
"""

import fcntl
import os
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FOLDER = ".tmp"
YOUNG = 60.0
"""Seconds in which a file is left alone: a writer makes its file first and locks it right after."""


@contextmanager
def temporary(root: Path) -> Generator[tuple[Path, BinaryIO]]:
    """A new file in the store's own file system, open for writing and locked; removed at the end if still there.
    Raises OSError."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / uuid.uuid4().hex
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        with suppress(OSError):  # a file system without locks: leftovers stay there
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield path, file
        finally:
            path.unlink(missing_ok=True)


def clean(root: Path) -> None:
    """Removes what killed writers left. Never fails: who may only read a store can still open it."""
    with suppress(OSError):
        for path in list((root / FOLDER).iterdir()):
            _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime < YOUNG:
            return
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
