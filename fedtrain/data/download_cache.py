"""A folder of downloads that processes share: each entry is complete, and the least recently used ones are deleted. An
entry that has lost files since, as to a program that cleans caches, is downloaded again.

Next to an entry `NAME` lies `.NAME.lock`. A process that uses the entry holds the lock shared until it exits; one that
downloads or deletes the entry holds it exclusively. Downloads go to `.partial-NAME`, which is then renamed. A download
first writes its size into the lock's file, so that concurrent downloads together stay within the limit. These
reservations are made one at a time, with the lock `.room.lock`.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fedtrain.api.base import quantity
from fedtrain.data.errors import DataError
from fedtrain.ledger.flush import flush
from fedtrain.ledger.store import StoreUnavailable

LIMIT = "FEDTRAIN_CACHE_LIMIT"
DEFAULT_LIMIT = "100Gi"
_PARTIAL = ".partial-"
_ROOM = "room"
_REPAIR_TRIES = 50
_REPAIR_PAUSE_SECONDS = 0.1


def cache_folder() -> Path:
    """`$FEDTRAIN_CACHE`, else `fedtrain` in the user's cache folder."""
    configured = os.environ.get("FEDTRAIN_CACHE")
    return Path(configured or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedtrain")


def cache_limit() -> int:
    """Return the bytes that all downloads together may take. Raises DataError."""
    text = os.environ.get(LIMIT) or DEFAULT_LIMIT
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?([KMGT]i?)?", text) and (limit := quantity(text)) > 0:
        return limit
    raise DataError(f"{LIMIT} is {text!r}, which is not a positive size. Set it to a size such as `{DEFAULT_LIMIT}`")


def mark_used(entry: Path, seconds: float | None = None) -> None:
    """Record the time of the last use: now, or `seconds` since the epoch."""
    used = time.time() if seconds is None else seconds
    os.utime(entry, (used, used))


@dataclass
class DownloadCache:
    """`folder` is created when needed. `limit` in bytes."""

    folder: Path
    limit: int
    _in_use: dict[str, IO[bytes]] = field(default_factory=dict[str, IO[bytes]])

    def entry(self, name: str, sizes: Mapping[str, int], fill: Callable[[Path], None]) -> Path:
        """Return the folder of entry `name`; `fill` writes its files, of `sizes` in bytes by path, into an empty folder
        if any is missing or has another size. The entry is not deleted while this process lives. Raises
        StoreUnavailable if entries that processes use or download leave too little of the limit; OSError and what
        `fill` raises."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entry = self.folder / name
        tries = 0
        while not self._use(entry, sizes):
            wait = fcntl.LOCK_NB if entry.exists() else 0  # processes that use the rest of it may run for days
            try:
                with self._locked(name, fcntl.LOCK_EX | wait):
                    if not _is_whole(entry, sizes):
                        self._create(entry, sum(sizes.values()), fill)
            except BlockingIOError:  # they do, or another process is just about to download it again
                if (tries := tries + 1) >= _REPAIR_TRIES:
                    raise StoreUnavailable(
                        f"files of the download {entry} were deleted or truncated, and running processes use the "
                        "others. Wait for these processes"
                    ) from None
                time.sleep(_REPAIR_PAUSE_SECONDS)
        mark_used(entry)
        return entry

    def _use(self, entry: Path, sizes: Mapping[str, int]) -> bool:
        """Hold the entry's lock shared until this process exits; False if the entry is missing or incomplete."""
        if held := self._in_use.pop(entry.name, None):
            if _is_whole(entry, sizes):
                self._in_use[entry.name] = held
                return True
            held.close()  # the user deleted files of the entry
        lock = self._open_lock(entry.name)
        fcntl.flock(lock, fcntl.LOCK_SH)
        if _is_whole(entry, sizes) and self._is_current(lock, entry.name):
            self._in_use[entry.name] = lock
            return True
        lock.close()
        return False

    def _create(self, entry: Path, size: int, fill: Callable[[Path], None]) -> None:
        partial = self.folder / f"{_PARTIAL}{entry.name}"
        for left in (partial, entry):
            shutil.rmtree(left, ignore_errors=True)
        with self._locked(_ROOM, fcntl.LOCK_EX):
            self._make_room(size)
            self._lock_path(entry.name).write_text(str(size))
            partial.mkdir()
        try:
            fill(partial)
            for path in (*partial.rglob("*"), partial):
                flush(path)
            partial.rename(entry)
            flush(self.folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _make_room(self, size: int) -> None:
        """Delete the least recently used entries that no process uses, until `size` more bytes fit, and what killed
        downloads left. Raises StoreUnavailable if they do not fit."""
        found = sorted((path.stat().st_mtime, path) for path in self.folder.iterdir() if path.is_dir())
        sizes = {path: self._taken(path) for _, path in found}
        total = size + sum(sizes.values())
        for _, path in found:
            name = path.name.removeprefix(_PARTIAL)
            if path.name == name and total <= self.limit:
                continue
            with suppress(BlockingIOError), self._locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(path)
                self._lock_path(name).unlink(missing_ok=True)
                total -= sizes[path]
        if total > self.limit:
            raise StoreUnavailable(
                f"the download cache {self.folder} is limited to {self.limit} bytes, and running processes use or "
                f"download {total - size} bytes of it, so {size} more do not fit. Wait for these processes, or set "
                f"{LIMIT} to {total} or more"
            )

    def _taken(self, path: Path) -> int:
        """Bytes of an entry; of one that is downloaded, at least those that it has reserved."""
        size = _size(path)
        if not path.name.startswith(_PARTIAL):
            return size
        with suppress(FileNotFoundError, ValueError):
            size = max(size, int(self._lock_path(path.name.removeprefix(_PARTIAL)).read_text()))
        return size

    @contextmanager
    def _locked(self, name: str, mode: int) -> Generator[None]:
        """Raises BlockingIOError if `mode` does not wait and another process holds the lock."""
        while True:
            with self._open_lock(name) as lock:
                fcntl.flock(lock, mode)
                if self._is_current(lock, name):
                    yield
                    return

    def _open_lock(self, name: str) -> IO[bytes]:
        return self._lock_path(name).open("ab")

    def _lock_path(self, name: str) -> Path:
        return self.folder / f".{name}.lock"

    def _is_current(self, lock: IO[bytes], name: str) -> bool:
        """Whether the lock's file still exists: another process may have deleted it with its entry."""
        try:
            return os.path.samestat(os.fstat(lock.fileno()), self._lock_path(name).stat())
        except FileNotFoundError:
            return False


def _is_whole(entry: Path, sizes: Mapping[str, int]) -> bool:
    try:
        return all((entry / file).stat().st_size == size for file, size in sizes.items())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _size(folder: Path) -> int:
    """Bytes of all files. Another process may delete them meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
