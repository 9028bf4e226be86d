"""The narrow interface through which a trainer meets the ledger: read the task's inputs by digest, write its file,
then its record. A bucket, a folder or presigned requests can serve it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest
from fedtrain.ledger.store import LedgerRefused, StoreRefused

R = TypeVar("R", bound=Record)


class TaskStore(Protocol):
    def fetch(self, digest: Digest, target: Path) -> None:
        """Copies the blob of this digest to `target` and checks it. Raises StoreError."""
        ...

    def existing(self, kind: type[R]) -> R | None:
        """The record that an earlier execution of this very task left, if any."""
        ...

    def put_blob(self, path: Path) -> Digest:
        """Stores a file by content (the initial adapter and its config)."""
        ...

    def claim_noise(self, execution: str) -> bool:
        """Claim the noise of this attempt's update for one execution, first writer wins. Returns whether `execution`
        has it; otherwise another execution of the attempt may have sent a noisy update. Raises StoreError."""
        ...

    def put_update(self, path: Path) -> tuple[str, Digest, int]:
        """Stores an update file under a name of this execution's own: (name, digest, bytes)."""
        ...

    def put_record(self, record: R) -> R:
        """Write the task's record unless one exists, and return the existing one."""
        ...

    def put_telemetry(self, name: str, content: bytes) -> None:
        """Seconds, bytes, hosts, logs of this execution; never fails a task."""
        ...


@contextmanager
def of_the_ledger() -> Generator[None]:
    """Tell refusals of the ledger from those of the participant's own stores."""
    try:
        yield
    except StoreRefused as error:
        refused = LedgerRefused(str(error))
        refused.unanswered = error.unanswered
        raise refused from error
