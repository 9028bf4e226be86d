"""The protocol that an object store speaks, and its errors. `file_store.py` and `s3_store.py` implement it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class StoreError(Exception):
    """The store said no, and trying again won't help: no bucket, no permission, no space, wrong endpoint. The
    message names the store, the key and what to do."""

    unanswered: str | None = None
    """The setting of the address at which no store answered: the network failed, or another kind of server replied."""

    @property
    def public(self) -> str:
        """The message for readers who must not learn what answers at an address, or they could scan ports: one for
        every failure of the network."""
        if self.unanswered is None:
            return str(self)
        return f"no S3 server answers at {self.unanswered}. Check endpoint, caFile and network policies"

    @property
    def outcome(self) -> str:
        """The message of a pod whose log has the whole one."""
        return str(self) if self.unanswered is None else f"{self.public}. The log of the pod has the details"


class StoreUnavailable(StoreError):
    """The store can't be reached, or answered that it is busy; it may answer later."""


class StoreRefused(StoreError):
    """The store answers and refuses: no permission, no valid credentials, no space. It accepts the same request once
    somebody has fixed that."""


class LedgerRefused(StoreRefused):
    """The ledger refused a read or a write of a task. Not the fault of the participant that runs it."""


class ObjectMissing(StoreError):
    """No object of this key."""


class ObjectTooLarge(StoreError):
    """The object has more bytes than the caller reads."""


class LedgerCorrupt(StoreError):
    """An object is not what the ledger wrote: truncated, edited, or of another run; or it has disappeared. The message
    names it. `problem`: what is wrong, without the object's address."""

    def __init__(self, message: str, problem: str = "") -> None:
        super().__init__(message)
        self.problem = problem or message


def check_size(name: str, size: int, most: int | None) -> None:
    """Raises ObjectTooLarge if an object of `size` bytes has more than `most`."""
    if most is not None and size > most:
        raise ObjectTooLarge(f"{name} has {size} bytes; at most {most} are read")


class ObjectReader(Protocol):
    """Ranged reads of one object. `size` in bytes."""

    size: int

    def read(self, offset: int, length: int, buffer: memoryview | None = None) -> bytes | memoryview:
        """`length` bytes from `offset`; a view into the file where the store is a folder. `buffer`: `length` bytes or
        more, in which a bucket's answer may come. What is returned is then valid until the buffer is used again."""
        ...

    def stream(self, offset: int) -> None:
        """Prepare for reads that continue one another from `offset` on, by one thread at a time: a bucket then sends
        all bytes in one answer. Other reads are still possible."""
        ...

    def release(self) -> None:
        """Free the memory of all bytes read so far. Views of them stay valid, and they can be read again."""
        ...

    def close(self) -> None: ...


class ObjectStore(Protocol):
    """Keys are relative, `/`-separated. Every method may raise StoreError or StoreUnavailable."""

    url: str
    """`file:///...` or `s3://bucket/prefix`; never holds a credential."""

    def get(self, key: str, most: int | None = None) -> bytes:
        """The whole object. Raises ObjectMissing, and ObjectTooLarge if it has more than `most` bytes."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes of the object; None if there is none."""
        ...

    def modified(self, key: str) -> float | None:
        """When the object was written, by the store's clock, in seconds since 1970; None if there is none, or if the
        server does not say."""
        ...

    def open(self, key: str) -> ObjectReader:
        """Raises ObjectMissing."""
        ...

    def file(self, key: str) -> Path | None:
        """The object's file where the store is a folder, to be read only; None elsewhere. Raises ObjectMissing."""
        ...

    def draft(self) -> AbstractContextManager[Path]:
        """An empty file for content that `create` then stores, without a copy where the store is a folder: do not
        change it after that. Deleted at the end."""
        ...

    def create(self, key: str, content: bytes | Path) -> bool:
        """Writes the object if there is none, atomically: of many writers one wins and gets True; the others get
        False. The object is durable and whole before any reader sees it."""
        ...

    def replace(self, key: str, content: bytes | Path) -> None:
        """Writes the object over the existing one: telemetry, and `run.json` before the run has begun."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that start with `prefix`, sorted."""
        ...

    def delete(self, prefix: str) -> None:
        """Deletes the object `prefix` and all below the folder `prefix/`; those that aren't there are no error."""
        ...
