"""A file with a secret, which only its user can read."""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def secret_file(path: Path) -> Generator[TextIO]:
    """Yield a new file that replaces `path` once the block has ended; an error leaves `path` as it was. The mode of an
    existing file does not count. Raises OSError, at once if `path` cannot be written."""
    if path.exists() and not path.is_file():  # a folder, which fails, or a pipe, whose resolved path is none
        with path.open("w", encoding="utf-8") as out:
            yield out
        return
    target = path.resolve()
    made = target.with_name(f".fedtrain-{os.getpid()}.tmp")
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
        _put(made, target)
    except BaseException:
        with suppress(OSError):
            made.unlink()
        raise


def _put(made: Path, target: Path) -> None:
    try:
        made.replace(target)
    except OSError:  # a file that is mounted cannot be replaced
        target.chmod(stat.S_IRUSR | stat.S_IWUSR)
        target.write_bytes(made.read_bytes())
        made.unlink()
