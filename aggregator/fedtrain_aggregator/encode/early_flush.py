"""Flushes of a file that is still being written, so that the flush before it becomes an object waits for little."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

_INTERVAL = 0.15
"""Seconds. An adapter of 80 MB takes three times as long; more flushes only take time from the sums."""


@contextmanager
def flushed_early(path: Path) -> Iterator[None]:
    """Flush the file again and again, in a thread, until the block ends. Raises OSError at the end if a flush failed:
    the system reports an error of the disk once, so a later flush may not know of it."""
    ended = Event()
    with path.open("rb") as file, ThreadPoolExecutor(1) as pool:
        flushes = pool.submit(_flush_until, ended, file.fileno())
        try:
            yield
        finally:
            ended.set()
        flushes.result()


def _flush_until(ended: Event, file: int) -> None:
    while not ended.wait(_INTERVAL):
        os.fsync(file)
