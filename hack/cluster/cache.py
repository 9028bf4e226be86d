"""What tests keep outside of the checkout, from run to run and for every checkout of the same user."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def cache(part: str) -> Path:
    """The folder of one part of the cache; it exists."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedtrain" / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Generator[None, None, None]:
    """One process at a time, however many tests run in parallel; a process that dies gives its lock back."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
