"""Folders that one process of a test run makes and its other processes read."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def around(factory: pytest.TempPathFactory) -> Path:
    """The folder of temporary files that all processes of a test run have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name`, which no other fixture uses, as `make` left it. What it raises makes the next process try
    again, in a new folder."""
    with (around(factory) / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if made := lock.read():
            return Path(made)
        folder = factory.mktemp(name)
        make(folder)
        lock.write(str(folder))
        lock.flush()
    return folder
