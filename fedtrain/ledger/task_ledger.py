"""A task's window into the ledger: it reads blobs by digest and writes under the names of its own work."""

import uuid
from pathlib import Path
from typing import TypeVar

from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.task_names import check_kind, noise_draw, noise_draw_of, record_of, telemetry_of, update_file_of
from fedtrain.contracts.tasks import Task
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.task_store import of_the_ledger

R = TypeVar("R", bound=Record)


class TaskLedger:
    """The TaskStore of one execution of `task`. Raises ValueError for a task without a participant whose work needs
    one."""

    def __init__(self, ledger: Ledger, task: Task) -> None:
        self._ledger = ledger
        self._task = task
        _, self._name = record_of(task)

    def fetch(self, digest: Digest, target: Path) -> None:
        with of_the_ledger():
            self._ledger.fetch_blob(digest, target)

    def existing(self, kind: type[R]) -> R | None:
        check_kind(self._task, kind)
        with of_the_ledger():
            record = self._ledger.read(self._name, kind)
        if record is not None and record.run_id != self._task.run_id:
            raise self._ledger.shared(self._name, record.run_id, self._task.run_id)
        return record

    def put_blob(self, path: Path) -> Digest:
        with of_the_ledger():
            return self._ledger.put_blob(path)

    def claim_noise(self, execution: str) -> bool:
        with of_the_ledger():
            found = self._ledger.claim(noise_draw_of(self._task), noise_draw(self._task, execution))
        return found.execution == execution

    def put_update(self, path: Path) -> tuple[str, Digest, int]:
        """Every execution of an attempt writes a separate file; the record names the one that counts."""
        name = update_file_of(self._task, uuid.uuid4().hex)
        with of_the_ledger():
            digest, size = self._ledger.put_file(name, path)
        return name.rpartition("/")[2], digest, size

    def put_record(self, record: R) -> R:
        check_kind(self._task, type(record))
        with of_the_ledger():
            return self._ledger.claim(self._name, record)

    def put_telemetry(self, name: str, content: bytes) -> None:
        self._ledger.put_telemetry(telemetry_of(self._task, name), content)
