"""The ledger in a folder.

An object is written aside, flushed to disk and then hard-linked to its name: the link fails when the name is taken
and never shows half a file, so the first writer wins, whole, on a local disk as well as on NFS. Afterwards the folder
is flushed too: what `create` returned True for survives a power cut.
"""

import errno
import io
import mmap
import os
import shutil
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from fedtrain.ledger.file_errors import FULL, explain, explained
from fedtrain.ledger.flush import flush
from fedtrain.ledger.keys import check_key
from fedtrain.ledger.store import ObjectMissing, ObjectReader, StoreError, check_size
from fedtrain.ledger.temporary import FOLDER, clean, temporary

T = TypeVar("T")

_COPY = 4 * 1024 * 1024
_TRIES = 20
_NO_OBJECT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class FileStore:
    """An ObjectStore in the folder `root`, which is made at the first write. Relative to the working directory.
    Raises StoreError if `root` is not a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.url = self.root.as_uri()
        with explained(self.root, self.root):
            if self.root.exists() and not self.root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.root))
        clean(self.root)

    def get(self, key: str, most: int | None = None) -> bytes:
        with explained(self.root, self._path(key)), self._object(key) as file:
            check_size(key, os.fstat(file.fileno()).st_size, most)
            return file.read()

    def size(self, key: str) -> int | None:
        status = self._status(key)
        return None if status is None else status.st_size

    def modified(self, key: str) -> float | None:
        status = self._status(key)
        return None if status is None else status.st_mtime

    def open(self, key: str) -> ObjectReader:
        with explained(self.root, self._path(key)), self._object(key) as file:
            return MappedReader(file, f"{self.url}/{key}")

    def file(self, key: str) -> Path | None:
        with explained(self.root, self._path(key)), self._object(key):
            return self._path(key)

    @contextmanager
    def draft(self) -> Generator[Path]:
        with ExitStack() as stack:
            with explained(self.root, self.root):
                path, _ = stack.enter_context(temporary(self.root))
            try:
                yield path
            except OSError as error:
                if error.errno in FULL:  # the caller's writes to the draft
                    raise explain(error, self.root, path) from error
                raise

    def create(self, key: str, content: bytes | Path) -> bool:
        path = self._path(key)
        with explained(self.root, path):
            if os.path.lexists(path):  # saves the copy; the link below decides
                if not stat.S_ISREG(path.lstat().st_mode):
                    raise StoreError(f"{path} is not a regular file, so it can't be an object. Move it away.")
                return False
        if isinstance(content, Path) and content.parent == self.root / FOLDER:
            with content.open("rb") as draft, explained(self.root, path):
                os.fsync(draft.fileno())
                return _in_folder(self.root, path.parent, lambda: self._link(content, path))
        with _source(content) as source, explained(self.root, path), temporary(self.root) as (aside, file):
            shutil.copyfileobj(source, file, _COPY)
            file.flush()
            os.fsync(file.fileno())
            return _in_folder(self.root, path.parent, lambda: self._link(aside, path))

    def replace(self, key: str, content: bytes | Path) -> None:
        path = self._path(key)
        with _source(content) as source, explained(self.root, path), temporary(self.root) as (aside, file):
            shutil.copyfileobj(source, file, _COPY)
            file.flush()
            os.fsync(file.fileno())
            _in_folder(self.root, path.parent, lambda: aside.replace(path))

    def keys(self, prefix: str) -> Iterator[str]:
        start = self.root / prefix.rpartition("/")[0]
        with explained(self.root, start):
            found = sorted(key for key in self._walk(start) if key.startswith(prefix))
        yield from found

    def delete(self, prefix: str) -> None:
        path = self._path(prefix.rstrip("/"))
        with explained(self.root, path):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
            for folder in path.parents:  # no empty folders remain: they are not objects
                if folder == self.root:
                    break
                with suppress(OSError):  # it is not empty, or gone already
                    folder.rmdir()

    def _status(self, key: str) -> os.stat_result | None:
        path = self._path(key)
        with explained(self.root, path):
            try:
                status = path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return status if stat.S_ISREG(status.st_mode) else None

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    @contextmanager
    def _object(self, key: str) -> Generator[BinaryIO]:
        """The object, open for reading. Only regular files are objects: a FIFO would block, a link leave the folder."""
        try:
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _NO_OBJECT:
                raise self._missing(key) from None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._missing(key)
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def _missing(self, key: str) -> ObjectMissing:
        return ObjectMissing(f"The file {self.root / key} is missing. If it was deleted, restore it from a backup.")

    def _walk(self, start: Path) -> Iterator[str]:
        for folder, folders, files in os.walk(start, onerror=_unless_missing):
            if Path(folder) == self.root and FOLDER in folders:
                folders.remove(FOLDER)
            for name in files:
                path = Path(folder) / name
                if _is_regular(path):
                    yield path.relative_to(self.root).as_posix()

    def _link(self, aside: Path, path: Path) -> bool:
        try:
            os.link(aside, path)
        except FileExistsError:
            # NFS may lose the reply to a link that was made; then the file has two names.
            if aside.stat().st_nlink != 2:
                return False
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise StoreError(
                    f"The file system of {self.root} has no hard links ({os.strerror(error.errno)}), without which "
                    "the first writer of an object can't be told from the second. Name a folder on a local disk or "
                    "on NFS in `storage.file.path`, or use `storage.type: S3`."
                ) from error
            raise
        flush(path.parent)
        return True


class MappedReader:
    """Reads a file through the page cache: what `read` returns are views into the mapped file, no copies."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.size = os.fstat(file.fileno()).st_size
        self._name = name
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.size else None

    def read(self, offset: int, length: int, buffer: memoryview | None = None) -> bytes | memoryview:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise StoreError(f"{self._name} has {self.size} bytes, so {length} from {offset} can't be read.")
        return memoryview(self._map)[offset : offset + length] if self._map is not None else b""

    def stream(self, offset: int) -> None:
        pass

    def release(self) -> None:
        """The map's pages count as this process's memory until they are given back. The whole map: one access may map 2
        MiB at a time, beyond what was read."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        if self._map is not None:
            with suppress(BufferError):  # views are still in use; the map goes with the last of them
                self._map.close()


def _is_regular(path: Path) -> bool:
    """False for links, FIFOs, sockets and devices, and for what was deleted meanwhile."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _source(content: bytes | Path) -> BinaryIO:
    """The content as a stream. OSError of the caller's own file stays what it is."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def _in_folder(root: Path, folder: Path, act: Callable[[], T]) -> T:
    """Act in `folder`. It is created, and created again if a `delete` removes it in between because it was empty."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            _make_folder(root, folder)
            return act()
    _make_folder(root, folder)
    return act()


def _make_folder(root: Path, folder: Path) -> None:
    """Makes `folder` and what is above it, flushed, so that an object in it is not lost with it."""
    if folder.is_dir():
        return
    if folder != root.parent:
        _make_folder(root, folder.parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        if folder.is_file():
            raise
        raise FileNotFoundError(errno.ENOENT, "it came and went", str(folder)) from error
    flush(folder.parent)


def _unless_missing(error: OSError) -> None:
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        raise error
