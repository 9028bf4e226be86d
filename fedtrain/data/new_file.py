"""A file that appears under its name once it is whole, and never replaces another one."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def new_text_file(path: Path) -> Generator[TextIO]:
    """Open a hidden file beside `path`, which gets this name at the end. Nothing is left if an exception is raised; a
    process that is killed leaves the hidden file, which data sets skip. Raises FileExistsError, OSError."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="utf-8", newline="\n") as file:
            yield file
        _rename(aside, path)
    except OSError as error:
        if error.filename != str(aside):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def _rename(aside: Path, path: Path) -> None:
    """Raises FileExistsError if another process was faster."""
    path.open("x").close()  # unlike a hard link, it works on every file system
    try:
        aside.replace(path)
    except OSError:
        path.unlink()
        raise
