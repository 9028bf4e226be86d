"""A run in a bucket, and what a participant's task does there with presigned requests."""

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from fedtrain.api.storage import S3
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.untrusted_records import Update
from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.gathering.incoming import Incoming
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.part_uploads import PartUploads
from fedtrain.ledger.presigned_requests import Patience
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.task_requests import Grants
from tests.support.tasks import DIGEST, RUN_ID, task_of, train_work
from tests.support.updates import an_update

IMPATIENT = Patience(connect_seconds=60, read_seconds=60, outage_seconds=0.0, renewal_seconds=0.0)
CONFIG = b"{}"
SMALL, LARGE = (16, 8), (3 * 1024, 1024)
"""Shapes of an adapter's one tensor: an update in one request, and one in two parts."""


@dataclass
class Run:
    """The hub's side."""

    s3: S3
    store: S3Store
    ledger: Ledger
    folder: Path

    @classmethod
    def begin(cls, s3: S3, keys: Keys, folder: Path) -> "Run":
        store = S3Store(s3, credentials=Fixed(keys))
        return cls(s3, store, Ledger(store, "hub", "tickets"), folder)

    @property
    def grants(self) -> Grants:
        return Grants(self.store, self.ledger, RUN_ID)

    def incoming(self, *participants: str) -> Incoming:
        return Incoming(self.ledger, RUN_ID, PartUploads(self.store, self.ledger, RUN_ID), participants)

    def tensors(self, shape: tuple[int, ...], value: float = 1.0) -> Path:
        """A file with the tensors of an adapter, or of an update of it."""
        path = self.folder / f"{value}.safetensors"
        save_file({"base.layer.lora_B.weight": np.full(shape, value, np.float32)}, path, {"format": "pt"})
        return path

    def adapter(self, shape: tuple[int, ...] = SMALL) -> Digest:
        """The digest of the run's global adapter. Its configuration is stored as well."""
        self.ledger.put_blob(CONFIG)
        return self.ledger.put_blob(self.tensors(shape))

    def store_of(
        self, task: Task, grant: TransferGrant | None = None, patience: Patience = IMPATIENT
    ) -> PresignedTaskStore:
        made = grant or self.grants.grant(task, f"uid-{task.participant}")
        return PresignedTaskStore(task, self.s3, lambda: made, patience)


def train_task(adapter: Digest, who: str = "bank-a", round: int = 1, attempt: int = 1) -> Task:
    work = train_work(adapter=adapter, config=digest_bytes(CONFIG), plan=DIGEST)
    return task_of(work, who, round=round, attempt=attempt)


def update_record(task: Task, file: str, digest: Digest, size: int, loss: float = 0.5) -> Update:
    assert task.participant is not None
    return an_update(
        round=task.round,
        participant=task.participant,
        attempt=task.attempt,
        file=file,
        digest=digest,
        size=size,
        samples=4,
        distinct=4,
        train_loss=loss,
    )


def deliver(run: Run, task: Task, update: Path, loss: float = 0.5) -> Update:
    """Send an update and its record, as the trainer does."""
    store = run.store_of(task)
    return store.put_record(update_record(task, *store.put_update(update), loss=loss))


def transfer_entry(url: str, version: int = 1, expires: int = 0) -> str:
    """Return an entry of the Secret with signed requests."""
    record = SignedRecord(name="x", read=SignedRequest(url=url), writes=())
    grant = TransferGrant(version=version, task="x", expires=expires, record=record)
    return base64.b64encode(grant.packed()).decode()
