"""Copies of the blobs that participants read: the global adapter and its configuration.

S3 cannot withdraw a signed read, and the ledger's blobs must stay. So the coordinator signs reads of a copy, whose name
depends on the participants that exist. Once one of them is revoked, the copies that it could read become empty, and the
others get requests for new copies. Copying is done by the server.
"""

# pyright: reportMissingTypeStubs=false

from collections.abc import Collection, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.wire.transfer import TransferGrant
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError

UNKNOWN = "unknown"
_CHECKED = b"a copy"


class BlobCopies:
    """The copies of one run. Every method may raise StoreError; repeating it continues. `readers`: `readers_of`
    Participants that all exist; UNKNOWN before they were read."""

    def __init__(self, store: S3Store, ledger: Ledger, run_id: str) -> None:
        self.readers = UNKNOWN
        self._uids: frozenset[str] | None = None
        self._store = store
        self._ledger = ledger
        self._run_id = run_id
        self._withdrawn = ""
        """The readers for whom the other copies were withdrawn."""
        self._copied: set[str] = set()
        """Names of copies that this process has made. Another process makes them again, with the same bytes."""
        self._used: dict[str, frozenset[str]] = {}
        """Those that a task reads, by its uid."""

    def check(self) -> None:
        """Raise StoreError if the server copies no objects. Leaves nothing behind, unless the store forbids deleting.
        A run that begins there would train nothing."""
        folder = f"{names.copies(self._run_id)}check"
        original, copy = (self._ledger.key(f"{folder}/{name}") for name in ("original", "copy"))
        try:
            self._store.replace(original, _CHECKED)
            self._store.copy(original, copy)
            if self._store.get(copy) != _CHECKED:
                raise StoreError(f"{self._ledger.url} cannot hold a ledger: the server's copy of an object differs.")
        finally:
            with suppress(StoreError):
                self._ledger.delete(folder)

    def admit(self, uids: Collection[str]) -> None:
        """Take the uids of the Participants that exist. One that joins reads the copies of the others."""
        if self._uids is None or not self._uids <= set(uids):
            self.readers = readers_of(uids)
        self._uids = frozenset(uids)

    def of(self, uid: str, digests: Collection[Digest]) -> Mapping[Digest, str]:
        """Return the names of the copies that the task with this uid reads, and make them once."""
        found = {digest: names.copy(self._run_id, self.readers, digest) for digest in digests}
        for digest, name in found.items():
            if name not in self._copied:
                self._store.copy(self._ledger.key(names.blob(digest)), self._ledger.key(name))
                self._copied.add(name)
        self._used[uid] = frozenset(found.values())
        return found

    def withdraw(self) -> None:
        """Make the copies for other sets of participants empty, which needs no permission to delete."""
        if self._withdrawn == self.readers:
            return
        own = names.copy(self._run_id, self.readers, "")
        for name in self._ledger.names(names.copies(self._run_id)):
            if not name.startswith(own):
                self._ledger.store.replace(self._ledger.key(name), b"")
                self._copied.discard(name)
        self._withdrawn = self.readers

    def delete_unused(self, running: Collection[str]) -> None:
        """Delete the copies that only ended tasks have read. `running`: the uids of tasks that may run. The store may
        withhold the permission to delete."""
        self._used = {uid: used for uid, used in self._used.items() if uid in running}
        if any(uid not in self._used for uid in running):
            return  # an earlier process has signed them
        unused = self._copied.difference(*self._used.values())
        self._copied -= unused
        with suppress(StoreError):
            for name in unused:
                self._ledger.delete(name)


def readers_of(uids: Collection[str]) -> str:
    """Return a name for the set of Participants with these uids. One that is invited again has another uid."""
    return digest_bytes("\n".join(sorted(uids)).encode()).removeprefix("blake3:")[:32]


def readers_in(grant: TransferGrant) -> str:
    """Return whose copies a task reads; an empty text for a task that reads none."""
    for request in grant.blobs.values():
        return urlsplit(request.url).path.split("/")[-2]
    return ""
