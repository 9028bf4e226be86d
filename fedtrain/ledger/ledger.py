"""One run's ledger: records that the first writer decides, and blobs named by their content."""

import os
import threading
from collections import OrderedDict
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical, digest_of
from fedtrain.contracts.digests import BLOCK, digest_bytes, digest_file, digest_reader, hasher, written
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Run
from fedtrain.ledger.parse import MISSING, NEWER, parse
from fedtrain.ledger.store import (
    LedgerCorrupt,
    ObjectMissing,
    ObjectReader,
    ObjectStore,
    ObjectTooLarge,
    StoreError,
)

__all__ = ["Ledger", "LedgerCorrupt", "canonical", "digest_of"]

R = TypeVar("R", bound=Record)

_REMEMBERED = 4096
"""Records kept in memory. Objects never change, so one that was read need not be read again."""


class Ledger:
    """The objects of run `name` in `namespace`, by the names of `fedtrain.contracts.names`. Safe to use from several
    threads. Every method may raise StoreError."""

    def __init__(self, store: ObjectStore, namespace: str, name: str) -> None:
        self.store = store
        self.namespace = namespace
        self.name = name
        self._folder = f"{namespace}/{name}/"
        self._records: OrderedDict[str, tuple[Record, Digest]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.store.url}/{self._folder}".rstrip("/")

    @property
    def address(self) -> str:
        """The run as commands name it: the path of its folder, or `s3://bucket/prefix/namespace/name`."""
        return url2pathname(urlsplit(self.url).path) if self.url.startswith("file:") else self.url

    def key(self, name: str) -> str:
        """The key of the object `name` in the store."""
        return self._folder + name

    def read(self, name: str, kind: type[R]) -> R | None:
        """The record `name`; None if it does not exist. Raises LedgerCorrupt if the object is not a `kind` record."""
        known = self._known(name)
        if known is not None and isinstance(known[0], kind):
            return known[0]
        try:
            content = self.content(name, kind.max_bytes)
        except ObjectMissing:
            return None
        except ObjectTooLarge as error:
            raise LedgerCorrupt(f"{self.url}: {error}", str(error)) from error
        try:
            record = parse(kind, content)
        except LedgerCorrupt as error:
            raise self.damaged(name, error.problem) from error
        self._remember(name, record, digest_bytes(content))
        return record

    def claim(self, name: str, record: R) -> R:
        """Write `record` unless one exists, and return the existing one. Raises LedgerCorrupt if that one is
        of another run."""
        content = canonical(record)
        if self.store.create(self._folder + name, content):
            self._remember(name, record, digest_bytes(content))
            return record
        found = self.read(name, type(record))
        if found is None:
            raise StoreError(f"{self.url}/{name} was there and is gone. Does something else delete from {self.url}?")
        if found.run_id != record.run_id and name != names.RUN:
            raise self.shared(name, found.run_id, record.run_id)
        return found

    def shared(self, name: str, found: str, expected: str) -> LedgerCorrupt:
        """The error of a record of run `found` where run `expected` keeps its own."""
        return LedgerCorrupt(
            f"{self.url}/{name} belongs to run {found}, not to {expected}. Two runs share this folder: give one of "
            "them another `metadata.name`."
        )

    def replace_run(self, run: Run) -> None:
        """Writes `run.json` over the one of a run that has not begun (`fedtrain.ledger.run_claim`)."""
        content = canonical(run)
        self.store.replace(self._folder + names.RUN, content)
        self._remember(names.RUN, run, digest_bytes(content))

    def delete(self, name: str) -> None:
        """Deletes an object, or all objects below a folder: records of a run that has not begun, telemetry, and every
        object of a run that is deleted."""
        self.store.delete(self._folder + name)
        with self._lock:
            self._records.pop(name, None)

    def digest(self, name: str) -> Digest | None:
        """BLAKE3 of the object's bytes, None if there is none."""
        known = self._known(name)
        if known is not None:
            return known[1]
        try:
            reader = self.open(name)
        except ObjectMissing:
            return None
        with closing(reader):
            reader.stream(0)
            return digest_reader(reader)

    def size(self, name: str) -> int | None:
        """Bytes of the object, None if there is none."""
        return self.store.size(self._folder + name)

    def names(self, prefix: str = "") -> list[str]:
        """The names of the run's objects that start with `prefix`, sorted."""
        return [key.removeprefix(self._folder) for key in self.store.keys(self._folder + prefix)]

    def open(self, name: str) -> ObjectReader:
        """Ranged reads of an object. Raises ObjectMissing."""
        return self.store.open(self._folder + name)

    def content(self, name: str, most: int | None = None) -> bytes:
        """All bytes of an object, unchecked. Raises ObjectMissing, and ObjectTooLarge above `most` bytes."""
        return self.store.get(self._folder + name, most)

    def put_file(self, name: str, path: Path) -> tuple[Digest, int]:
        """Stores a file under a new name: (digest, bytes). Raises StoreError if the name is taken."""
        digest, size = digest_file(path), path.stat().st_size
        if not self.store.create(self._folder + name, path):
            raise StoreError(f"{self.url}/{name} is there already; a file's name must be new.")
        return digest, size

    def put_blob(self, content: bytes | Path) -> Digest:
        """Stores `content` under its digest. Raises LedgerCorrupt if that name holds something of another size."""
        digest = digest_bytes(content) if isinstance(content, bytes) else digest_file(content)
        name = names.blob(digest)
        if not self.store.create(self._folder + name, content):
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            found = self.size(name)
            if found != size:
                raise LedgerCorrupt(
                    f"{self.url}/{name} has {found} bytes instead of {size}. Delete it and run the same command again."
                )
        return digest

    def open_blob(self, digest: Digest) -> ObjectReader:
        """Ranged reads of a blob, unchecked. Raises ObjectMissing."""
        return self.open(names.blob(digest))

    def fetch_blob(self, digest: Digest, target: Path) -> None:
        """Copies a blob to `target` (whole or not at all) and checks it. Raises ObjectMissing, or LedgerCorrupt when
        its content is not what its name says."""
        self.fetch(names.blob(digest), digest, target)

    def fetch(self, name: str, digest: Digest, target: Path) -> None:
        """Copies an object to `target` (whole or not at all) and checks it against `digest`. Raises ObjectMissing,
        LedgerCorrupt, and OSError when `target` can't be written."""
        state = hasher()
        aside = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            with closing(self.open(name)) as reader, aside.open("wb") as file:
                reader.stream(0)
                buffer = memoryview(bytearray(min(BLOCK, reader.size)))
                for offset in range(0, reader.size, BLOCK):
                    block = reader.read(offset, min(BLOCK, reader.size - offset), buffer)
                    state.update(block)
                    file.write(block)
            if written(state) != digest:
                raise self._damaged(name, written(state), digest)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)

    def blob_file(self, digest: Digest, folder: Path) -> Path:
        """A file that holds the blob, checked: the store's own file where the store is a folder (read it only), else a
        copy in `folder`. Raises what `fetch_blob` raises."""
        name = names.blob(digest)
        path = self.store.file(self._folder + name)
        if path is None:
            path = folder / digest.removeprefix("blake3:")
            self.fetch_blob(digest, path)
        elif (found := digest_file(path)) != digest:
            raise self._damaged(name, found, digest)
        return path

    def draft(self) -> AbstractContextManager[Path]:
        """An empty file to write a blob to before `put_blob`, which saves the copy where the store is a folder."""
        return self.store.draft()

    def put_telemetry(self, path: str, content: bytes) -> None:
        """Writes over `telemetry/<path>`; a refusal of the store is ignored."""
        with suppress(StoreError):
            self.store.replace(self._folder + names.telemetry(path), content)

    def damaged(self, name: str, problem: str) -> LedgerCorrupt:
        """Return the error of a record that was edited, truncated or deleted."""
        run = self.address.rstrip("/")
        fix = (
            "Restore it from a backup. Without one, start a run with another `metadata.name`; the adapters of this one "
            f"are kept in {run}/blobs"
        )
        if problem.startswith(NEWER):
            fix = "A newer fedtrain may have written it: upgrade fedtrain, or restore the file from a backup"
        state = "missing" if problem == MISSING else f"damaged ({problem})"
        return LedgerCorrupt(f"{run}/{name} is {state}. {fix}.", problem)

    def _damaged(self, name: str, found: Digest, digest: Digest) -> LedgerCorrupt:
        return LedgerCorrupt(
            f"{self.address.rstrip('/')}/{name} is damaged: its content has digest {found} instead of {digest}. "
            "Restore the file from a backup; `fedtrain ledger verify` lists all damage."
        )

    def _known(self, name: str) -> tuple[Record, Digest] | None:
        with self._lock:
            return self._records.get(name)

    def _remember(self, name: str, record: Record, digest: Digest) -> None:
        with self._lock:
            self._records[name] = (record, digest)
            if len(self._records) > _REMEMBERED:
                self._records.popitem(last=False)
