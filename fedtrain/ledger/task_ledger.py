"""A task's window into the ledger: it reads blobs by digest and writes under the names of its own work."""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from fedtrain.contracts import names
from fedtrain.contracts.records import Digest, Evaluation, Initial, Measurement, NoiseDraw, Preflight, Record, Update
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Train
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, LedgerRefused, StoreRefused

R = TypeVar("R", bound=Record)


class TaskLedger:
    """The TaskStore of one execution of `task`. Raises ValueError for a task without a participant whose work needs
    one."""

    def __init__(self, ledger: Ledger, task: Task) -> None:
        self._ledger = ledger
        self._task = task
        self._kind, self._name = _record_of(task)
        self._telemetry = f"{names.round_folder(task.round)}/{_who(task)}-{task.attempt}"

    def fetch(self, digest: Digest, target: Path) -> None:
        with _of_the_ledger():
            self._ledger.fetch_blob(digest, target)

    def existing(self, kind: type[R]) -> R | None:
        self._check(kind)
        with _of_the_ledger():
            record = self._ledger.read(self._name, kind)
        if record is not None and record.run_id != self._task.run_id:
            raise LedgerCorrupt(
                f"{self._ledger.url}/{self._name} belongs to run {record.run_id}, this task to {self._task.run_id}. "
                "Two runs share this folder: give one of them another metadata.name."
            )
        return record

    def put_blob(self, path: Path) -> Digest:
        with _of_the_ledger():
            return self._ledger.put_blob(path)

    def claim_noise(self, execution: str) -> bool:
        participant, task = _participant(self._task), self._task
        draw = NoiseDraw(
            run_id=task.run_id, round=task.round, participant=participant, attempt=task.attempt, execution=execution
        )
        with _of_the_ledger():
            found = self._ledger.claim(names.noise_draw(task.round, participant, task.attempt), draw)
        return found.execution == execution

    def put_update(self, path: Path) -> tuple[str, Digest, int]:
        """Every execution of an attempt writes a separate file; the record names the one that counts."""
        participant = _participant(self._task)
        plan = self._task.work.plan if isinstance(self._task.work, Train) else None
        name = names.update_file(plan, uuid.uuid4().hex)
        folder = names.update_folder(self._task.round, participant, self._task.attempt)
        with _of_the_ledger():
            digest, size = self._ledger.put_file(f"{folder}/{name}", path)
        return name, digest, size

    def put_record(self, record: R) -> R:
        self._check(type(record))
        with _of_the_ledger():
            return self._ledger.claim(self._name, record)

    def put_telemetry(self, name: str, content: bytes) -> None:
        self._ledger.put_telemetry(f"{self._telemetry}/{name}", content)

    def _check(self, kind: type[Record]) -> None:
        if kind is not self._kind:
            raise TypeError(f"{self._task.work.type} work leaves a {self._kind.__name__} record, no {kind.__name__}.")


@contextmanager
def _of_the_ledger() -> Generator[None]:
    """Tell refusals of the ledger from those of the participant's own stores."""
    try:
        yield
    except StoreRefused as error:
        raise LedgerRefused(str(error)) from error


def _record_of(task: Task) -> tuple[type[Record], str]:
    """What a task's record is, and its name."""
    match task.work:
        case Initialise():
            return Initial, names.initial()
        case Inspect():
            return Preflight, names.preflight(_participant(task))
        case Measure():
            return Measurement, names.measurement(task.round, _participant(task))
        case Evaluate(k=k):
            return Evaluation, names.evaluation(task.round, k)
        case _:
            return Update, names.update(task.round, _participant(task), task.attempt)


def _who(task: Task) -> str:
    """The folder of an execution's telemetry: the participant for training, and the work's name with a `_`, which
    no participant starts with, for the rest."""
    match task.work:
        case Initialise():
            return "_initialise"
        case Inspect():
            return f"_inspect-{_participant(task)}"
        case Measure():
            return f"_measure-{_participant(task)}"
        case Evaluate(k=k):
            return f"_evaluate-{k}"
        case _:
            return _participant(task)


def _participant(task: Task) -> str:
    if task.participant is None:
        raise ValueError(f"{task.work.type} work is a participant's, but this task names none.")
    return task.participant
