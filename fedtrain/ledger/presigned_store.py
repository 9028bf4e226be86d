"""The TaskStore of a participant: presigned requests of the hub, for the objects of one task."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from fedtrain.api.storage import S3
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.digests import digest_file, hasher, written
from fedtrain.contracts.grant_check import foreign_server, foreign_words
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.task_names import TELEMETRY_FILE, check_kind, noise_draw
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.transfer import padded, unpadded
from fedtrain.contracts.wire.transfer import (
    SignedFile,
    SignedRecord,
    SignedRequest,
    SignedUpload,
    TransferGrant,
    TransferRefused,
    read_grant,
)
from fedtrain.ledger.content_md5 import md5, md5_header
from fedtrain.ledger.parse import parse
from fedtrain.ledger.presigned_answers import EXISTS
from fedtrain.ledger.presigned_parts import upload_parts
from fedtrain.ledger.presigned_requests import Choose, Patience, Requests, UploadEnded, update_of
from fedtrain.ledger.store import LedgerCorrupt, StoreError, StoreUnavailable
from fedtrain.ledger.task_store import of_the_ledger

R = TypeVar("R", bound=Record)

UPLOAD_OUTAGE_SECONDS = 1800.0
"""Until an outage of the store, or of the hub that renews the signatures, fails a task that has trained."""
_REVOKED = "the hub has revoked this participant, so the store takes nothing more of this task."
"""The hub has created an empty object in place of the task's (`fedtrain.gathering.incoming`). It deletes that if it
invites the participant again."""
_MISSING = 404
_BREAKS = 5
"""Answers without a byte that break off until a download fails."""


class GrantFile:
    """The grant in a mounted Secret, which the kubelet replaces when the hub has renewed it. `s3`: the location of the
    ledger, to which all requests have to go."""

    def __init__(self, path: Path, s3: S3) -> None:
        self._path = path
        self._s3 = s3
        self._content = b""
        self._grant: TransferGrant | None = None

    def read(self) -> TransferGrant:
        """Return the grant, which is checked once for each content of the file: each request reads it. Raises
        StoreUnavailable, StoreError."""
        try:
            content = self._path.read_bytes()
            if self._grant is not None and content == self._content:
                return self._grant
            grant = read_grant(content)
        except OSError as error:
            raise StoreUnavailable(f"the signed requests at {self._path} cannot be read: {error.strerror}.") from None
        except TransferRefused as error:
            raise StoreError(f"{self._path}: {error}") from None
        if (server := foreign_server(grant, self._s3)) is not None:
            raise StoreError(f"{foreign_words(server)}.")
        self._content, self._grant = content, grant
        return grant


class PresignedTaskStore:
    """`s3`: the location of the ledger. `grant` returns the task's grant as it is now."""

    def __init__(
        self,
        task: Task,
        s3: S3,
        grant: Callable[[], TransferGrant],
        patience: Patience | None = None,
        upload_outage_seconds: float | None = None,
    ) -> None:
        self._upload_outage = UPLOAD_OUTAGE_SECONDS if upload_outage_seconds is None else upload_outage_seconds
        self._task = task
        self.grant = grant
        self._requests = Requests(grant, s3, patience)

    def fetch(self, digest: Digest, target: Path) -> None:
        name, state = f"blob {digest}", hasher()
        with of_the_ledger(), target.open("wb") as file:
            for block in self._blocks(name, lambda grant: _blob(grant, digest), waits=True):
                state.update(block)
                file.write(block)
        if written(state) != digest:
            target.unlink()
            raise LedgerCorrupt(f"{name} is damaged: its content has digest {written(state)}. Restore the ledger.")

    def existing(self, kind: type[R]) -> R | None:
        check_kind(self._task, kind)
        return self._read(kind, _record)

    def claim_noise(self, execution: str) -> bool:
        return self._claim(noise_draw(self._task, execution), _noise).execution == execution

    def put_blob(self, path: Path) -> Digest:
        raise StoreError("a participant's task stores no blobs.")

    def put_update(self, path: Path) -> tuple[str, Digest, int]:
        """An execution of this task that was killed may have sent its file: that one is the update then."""
        file, size = self.grant().update, path.stat().st_size
        if file is None or size != file.size:
            signed = f"one of {file.size} bytes" if file else "none"
            raise StoreError(f"the update has {size} bytes, but the hub has signed {signed}. Update fedtrain here.")
        short = file.name.rpartition("/")[2]
        with of_the_ledger():
            if file.parts:
                try:
                    self.upload(file, path)
                    return short, digest_file(path), size
                except UploadEnded:
                    return short, self._sent(file), size
            created = self.create(file.name, path.read_bytes(), _whole, self._upload_outage)
            return short, digest_file(path) if created else self._sent(file), size

    def put_record(self, record: R) -> R:
        check_kind(self._task, type(record))
        return self._claim(record, _record)

    def put_telemetry(self, name: str, content: bytes) -> None:
        with suppress(StoreError):
            whole = padded(content, [one.size for one in self.grant().telemetry])
            if name == TELEMETRY_FILE and whole is not None:
                size = len(whole)
                self.create(name, whole, lambda grant: _of_size(grant.telemetry, size), outage_seconds=0.0)

    def _claim(self, record: R, signed: Callable[[TransferGrant], SignedRecord]) -> R:
        """Write a record unless there is one, and return the one that exists."""
        name, writes = signed(self.grant()).name, signed(self.grant()).writes
        content = padded(canonical(record), [one.size for one in writes])
        if content is None:
            raise StoreError(f"{name} would have more than {max(one.size for one in writes)} bytes.")
        size = len(content)
        with of_the_ledger():
            if self.create(name, content, lambda grant: _of_size(signed(grant).writes, size), self._upload_outage):
                return record
        found = self._read(type(record), signed)
        if found is None:
            raise StoreUnavailable(f"{name} existed and has disappeared.")
        return found

    def _read(self, kind: type[R], signed: Callable[[TransferGrant], SignedRecord]) -> R | None:
        name = signed(self.grant()).name
        with of_the_ledger():
            answer = self._requests.send("GetObject", name, lambda grant: signed(grant).read)
        if answer.status == _MISSING:
            return None
        if not answer.content:
            raise StoreUnavailable(f"{name}: {_REVOKED}")
        try:
            record = parse(kind, unpadded(answer.content))
        except LedgerCorrupt as error:
            raise LedgerCorrupt(f"{name} is not a valid {kind.__name__} record: {error}.", error.problem) from error
        if record.run_id != self._task.run_id:
            raise LedgerCorrupt(f"{name} belongs to run {record.run_id}, this task to {self._task.run_id}.")
        return record

    def create(self, name: str, content: bytes, choose: Choose, outage_seconds: float | None = None) -> bool:
        """Write an object. False if its signature says that it must not exist, and it does."""
        headers = md5_header(md5(content))
        answer = self._requests.send(
            "PutObject", name, choose, body=content, headers=headers, outage_seconds=outage_seconds
        )
        return answer.status != EXISTS

    def upload(self, file: SignedFile, path: Path) -> None:
        """Send the parts of a file. Raises UploadEnded."""
        upload_parts(self._requests, file, path, self._upload_outage)

    def _sent(self, file: SignedFile) -> Digest:
        """The digest of the update file that the store has."""
        state, size = hasher(), 0
        for block in self._blocks(file.name, lambda grant: update_of(grant).read, waits=False):
            state.update(block)
            size += len(block)
        if not size:
            raise StoreUnavailable(f"{file.name}: {_REVOKED}")
        return written(state)

    def _blocks(self, name: str, choose: Choose, *, waits: bool) -> Iterator[bytes]:
        """Yield the bytes of an object. A download that breaks off continues where it was. `waits`: the hub makes the
        object empty when it revokes a participant, and signs another name for the others; otherwise nothing is yielded
        for an empty object."""
        received, breaks, renewal = 0, 0, self._requests.patience.renewal_seconds
        while True:
            before, used = received, choose(self.grant())
            try:
                part = self._requests.range(name, choose, received)
                for block in part.blocks:
                    yield block
                    received += len(block)
            except StoreUnavailable:
                breaks = 0 if received > before else breaks + 1
                if breaks >= _BREAKS:
                    raise
                continue
            if part.total and received >= part.total:
                return
            if not part.total:
                if not waits:
                    return
                renewal -= self._requests.await_renewal(name, used, choose, renewal)


def _blob(grant: TransferGrant, digest: Digest) -> SignedRequest:
    if digest not in grant.blobs:
        raise StoreError(f"the hub has signed no read of blob {digest}.")
    return grant.blobs[digest]


def _record(grant: TransferGrant) -> SignedRecord:
    return grant.record


def _noise(grant: TransferGrant) -> SignedRecord:
    if grant.noise is None:
        raise StoreError("the hub has signed no claim of the noise. Update the hub.")
    return grant.noise


def _whole(grant: TransferGrant) -> SignedUpload:
    whole = update_of(grant).whole
    assert whole is not None
    return whole


def _of_size(uploads: Sequence[SignedUpload], size: int) -> SignedUpload:
    return next(one for one in uploads if one.size == size)
