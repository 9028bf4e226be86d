"""What a task wrote to the ledger, for the audit log of the participant's owner."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fedtrain.contracts.audit import SentObject
from fedtrain.contracts.canonical import canonical, digest_of
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest
from fedtrain.ledger.task_store import TaskStore

R = TypeVar("R", bound=Record)


@dataclass
class SentObjects:
    """A TaskStore that passes everything on, and notes what it wrote in `sent`."""

    store: TaskStore
    sent: list[SentObject] = field(default_factory=list[SentObject])

    def fetch(self, digest: Digest, target: Path) -> None:
        self.store.fetch(digest, target)

    def existing(self, kind: type[R]) -> R | None:
        return self.store.existing(kind)

    def put_blob(self, path: Path) -> Digest:
        digest = self.store.put_blob(path)
        self.sent.append(SentObject(name=path.name, bytes=path.stat().st_size, digest=digest))
        return digest

    def claim_noise(self, execution: str) -> bool:
        return self.store.claim_noise(execution)

    def put_update(self, path: Path) -> tuple[str, Digest, int]:
        name, digest, size = self.store.put_update(path)
        self.sent.append(SentObject(name=name, bytes=size, digest=digest))
        return name, digest, size

    def put_record(self, record: R) -> R:
        written = self.store.put_record(record)
        name = f"{type(record).__name__.lower()} record"
        self.sent.append(SentObject(name=name, bytes=len(canonical(written)), digest=digest_of(written)))
        return written

    def put_telemetry(self, name: str, content: bytes) -> None:
        self.store.put_telemetry(name, content)
        self.sent.append(SentObject(name=name, bytes=len(content)))
