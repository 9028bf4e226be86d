"""Admit the records that participants without the ledger's keys have left.

A participant creates its record under `names.incoming`, padded. Admitting it creates the ledger's record from it,
without the padding and otherwise as it is: the same rules then judge it as any other record of a participant. The
first writer wins, so admitting twice, or in two coordinators at once, changes nothing.

Signed requests outlive a revocation by minutes. They only create objects, so the coordinator creates an empty object
under each of their names: the store then refuses them. No request of a participant creates an empty object.
"""

from collections.abc import Collection, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat
from typing import Protocol

from fedtrain.contracts import names
from fedtrain.contracts.transfer import unpadded
from fedtrain.contracts.untrusted_records import ParticipantRecord
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.record_kinds import participant_of
from fedtrain.ledger.store import ObjectMissing, ObjectTooLarge, StoreError

_AT_ONCE = 16


class Parts(Protocol):
    """`fedtrain.ledger.part_uploads.PartUploads`."""

    def complete(self, name: str) -> None: ...

    def abort(self, name: str) -> None: ...


@dataclass
class Incoming:
    """The incoming records of one run. `participants`: those whose records are admitted; a revoked one is not among
    them. `revoked`: participants whose uploads were ended."""

    ledger: Ledger
    run_id: str
    parts: Parts
    participants: Container[str] = ()
    revoked: set[str] = field(default_factory=set[str])
    _done: set[str] = field(default_factory=set[str])
    """Names of objects that need no further work."""

    def admit(self, prefix: str) -> None:
        """Admit the records whose names begin with `prefix`. Raises StoreError; repeating it continues."""
        listed = self._listed(prefix)
        uploads = _uploads(listed)
        records = [name for name in listed if name not in self._done and self._may_admit(name)]
        if not records:
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._admit, records, repeat(uploads)))

    def close(self, prefix: str) -> None:
        """Abort the uploads of finished rounds that are not completed any more. An error of the store leaves the
        parts to the bucket's lifecycle rule."""
        with suppress(StoreError):
            for name in _uploads(self._listed(prefix)):
                if name not in self._done and self.ledger.size(name) is None:
                    self.parts.abort(name)
                self._done.add(name)

    def revoke(self, participants: Mapping[str, Collection[str]], round: int) -> None:
        """Let the store refuse the signed requests of revoked participants. `participants`: the names of the objects
        that these requests create. Uploads in parts are aborted. For one that is invited again, `admit` deletes the
        empty objects, and new uploads begin. Raises StoreError; repeating it continues."""
        for who in participants.keys() - self.revoked:
            for name in participants[who]:
                self.ledger.store.create(self.ledger.key(name), b"")
            for name in _uploads(self._listed(names.updates_folder(round, who))):
                if not self.ledger.size(name):
                    self.parts.abort(name)
                    with suppress(StoreError):  # the store may withhold the permission to delete
                        self.ledger.delete(names.part_upload(self.run_id, name))
            self.revoked.add(who)
        self.revoked &= participants.keys()

    def _listed(self, prefix: str) -> list[str]:
        folder = names.incoming(self.run_id, "")
        return [name.removeprefix(folder) for name in self.ledger.names(folder + prefix)]

    def _may_admit(self, name: str) -> bool:
        who = participant_of(name)
        return who is not None and who in self.participants

    def _admit(self, name: str, uploads: list[str]) -> None:
        """The files come first, then the record that names one of them."""
        folder, _, file = name.rpartition("/")
        for upload in uploads:
            if upload.rpartition("/")[0] == folder and file == names.UPDATE_RECORD:
                self.parts.complete(upload)
        with suppress(ObjectMissing, ObjectTooLarge):
            content = self.ledger.content(names.incoming(self.run_id, name), ParticipantRecord.max_bytes)
            if not content:
                self._reopen(name)
                return
            self.ledger.store.create(self.ledger.key(name), unpadded(content))
        if not self._is_forgotten(name):
            self._done.add(name)

    def _reopen(self, name: str) -> None:
        """Delete the empty objects of a participant's task: it was invited again. The record is last, so that a
        coordinator that is killed meanwhile repeats this."""
        folder = f"{name.rpartition('/')[0]}/"
        updates = self.ledger.names(folder) if name.endswith(f"/{names.UPDATE_RECORD}") else []
        with suppress(StoreError):  # the store may withhold the permission to delete
            for file in updates:
                if self.ledger.size(file) == 0:
                    self.ledger.delete(file)
            self.ledger.delete(names.incoming(self.run_id, name))

    def _is_forgotten(self, name: str) -> bool:
        """Delete an incoming preflight, so that deleting the admitted one is enough to count a participant's data
        again. Whether that was done: the store may withhold the permission to delete."""
        if name != names.preflight(participant_of(name) or ""):
            return False
        with suppress(StoreError):
            self.ledger.delete(names.incoming(self.run_id, name))
            return True
        return False


def _uploads(listed: list[str]) -> list[str]:
    """The names of the files that are uploaded in parts."""
    return [name.removesuffix(names.PART_UPLOAD) for name in listed if name.endswith(names.PART_UPLOAD)]
