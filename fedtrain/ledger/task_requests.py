"""The presigned requests of a participant's task."""

from contextlib import closing

from blake3 import blake3

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import read_header
from fedtrain.adapters.update_size import update_size
from fedtrain.contracts import names
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.tasks import Task, Train
from fedtrain.contracts.transfer import RECORD_SIZES, TELEMETRY_SIZES, part_sizes, scope_of
from fedtrain.contracts.wire.transfer import SignedFile, SignedRecord, TransferGrant
from fedtrain.ledger.blob_copies import BlobCopies
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.part_uploads import PartUploads
from fedtrain.ledger.s3_signer import S3Signer, signer_of
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import LedgerCorrupt


class Grants:
    """Grants the tasks of one run, whose ledger is in a bucket."""

    def __init__(self, store: S3Store, ledger: Ledger, run_id: str) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._signer = S3Signer(store, ledger)
        self.uploads = PartUploads(store, ledger, run_id)
        self.copies = BlobCopies(store, ledger, run_id)
        self._sizes: dict[tuple[Digest, bool], int] = {}

    @property
    def signer(self) -> str:
        """Return `signer_of` the requests that are signed now. Raises StoreError."""
        return signer_of(self._signer.get(names.RUN).url)

    def grant(self, task: Task, uid: str) -> TransferGrant:
        """Sign the requests of the task with this uid. Raises StoreError, and ValueError for work that is not a
        participant's."""
        scope, sign = scope_of(task, _execution(uid)), self._signer
        return TransferGrant(
            task=uid,
            blobs={digest: sign.get(name) for digest, name in self.copies.of(uid, scope.blobs).items()},
            record=self._record(scope.record),
            noise=self._record(scope.noise) if scope.noise else None,
            update=self._file(scope.update, self._size(task.work)) if scope.update else None,
            telemetry=tuple(sign.create(scope.telemetry, size) for size in TELEMETRY_SIZES),
        )

    def created(self, task: Task, uid: str) -> tuple[str, ...]:
        """Return the names of all objects that the requests of the task with this uid create. Raises ValueError for
        work that is not a participant's."""
        return scope_of(task, _execution(uid)).created(self._run_id)

    def _record(self, name: str) -> SignedRecord:
        """The participant leaves it for the coordinator to admit."""
        left, sign = names.incoming(self._run_id, name), self._signer
        writes = tuple(sign.create(left, size) for size in RECORD_SIZES)
        return SignedRecord(name=left, read=sign.get(left), writes=writes)

    def _file(self, name: str, size: int) -> SignedFile:
        sizes, sign = part_sizes(size), self._signer
        file = SignedFile(name=name, size=size, read=sign.get(name))
        if len(sizes) == 1:
            return file.model_copy(update={"whole": sign.create(name, size)})
        upload = self.uploads.begun(name)
        parts = tuple(sign.part(name, upload, number, part) for number, part in enumerate(sizes, 1))
        return file.model_copy(update={"parts": parts, "uploaded": sign.parts(name, upload)})

    def _size(self, work: object) -> int:
        """Bytes of the update of a training task."""
        assert isinstance(work, Train)
        key = work.adapter, work.train_only_b
        if key not in self._sizes:
            with closing(self._ledger.open_blob(work.adapter)) as reader:
                try:
                    adapter = read_header(reader, names.blob(work.adapter))
                except AdapterFileError as error:
                    raise LedgerCorrupt(f"{self._ledger.url}: {error}") from error
            self._sizes = {key: update_size(adapter, train_only_b=work.train_only_b)}  # tasks of a round share one
        return self._sizes[key]


def _execution(uid: str) -> str:
    """The unique part of the name of a task's update file. It stays the same when the requests are renewed."""
    return blake3(uid.encode()).hexdigest(length=16)
