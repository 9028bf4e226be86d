"""Flushes of a file that is still being written, so that the flush before it becomes an object waits for little."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

_PARTS = 6
"""More flushes take time from the sums; with fewer, more is left for the last one."""


class EarlyFlush:
    """Flushes a file of `size` bytes, open as `file`, in a thread whenever another part of it has been written, but not
    after the last part. Safe to use from several threads."""

    def __init__(self, file: int, size: int) -> None:
        self._file = file
        self._part = size // _PARTS
        self._left = size
        self._next = size - self._part
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1)
        self._flushes: list[Future[None]] = []

    def wrote(self, count: int) -> None:
        """Count bytes that have been written."""
        with self._lock:
            self._left -= count
            if self._part / 2 < self._left <= self._next:
                self._next = self._left - self._part
                self._flushes.append(self._pool.submit(os.fsync, self._file))

    def end(self) -> None:
        """Wait for all flushes. Raises OSError if one failed: the system reports an error of the disk once, so a later
        flush may not know of it."""
        self._pool.shutdown()
        for flush in self._flushes:
            flush.result()
