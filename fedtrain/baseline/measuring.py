"""Measures adapters on the hub's data and on each participant's validation split: one task each, in the pool. The
record goes to the ledger of the adapter's run; an existing record is reused."""

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fedtrain.api.reading.federation import Federation
from fedtrain.contracts import names
from fedtrain.contracts.records import Evaluation, Run
from fedtrain.contracts.tasks import Assignment, Evaluate, Task
from fedtrain.contracts.untrusted_records import Measurement
from fedtrain.ledger.ledger import Ledger
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.bindings import bind
from fedtrain.runner.worker_pool import Events, Job, WorkerPool

_ATTEMPTS = 3
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Measuring:
    """One adapter to measure. `who` is a participant, or `_evaluate-<k>` for the hub."""

    label: str
    ledger: Ledger
    run: Run
    key: TaskKey
    task: Task

    @property
    def record(self) -> Evaluation | Measurement | None:
        """Return the recorded metrics; None if there is no record yet."""
        work, key = self.task.work, self.key
        if isinstance(work, Evaluate):
            return self.ledger.read(names.evaluation(key.round, work.k), Evaluation)
        return self.ledger.read(names.measurement(key.round, key.who), Measurement)


def measure_all(
    wanted: Sequence[Measuring], federation: Federation, pool: WorkerPool, report: Callable[[Measuring, int], None]
) -> dict[str, str]:
    """Run all measurements. `report` gets the number of finished ones. Returns the reason of each failure, by label.
    Raises RunError if no worker starts, StoreError."""
    left = list(wanted)
    attempts = {id(one): 1 for one in wanted}
    failed: dict[str, str] = {}
    for one in wanted:
        _submit(one, 1, federation, pool)
    while left:
        time.sleep(_POLL_SECONDS)
        executions = {run_id: pool.executions(run_id) for run_id in {one.run.run_id for one in left}}
        for one in list(left):
            execution = executions[one.run.run_id].get(one.key)
            if execution is None or execution.state == "Running":
                continue
            if execution.state == "Failed" and execution.retryable and attempts[id(one)] < _ATTEMPTS:
                attempts[id(one)] += 1
                _submit(one, attempts[id(one)], federation, pool)
                continue
            left.remove(one)
            if execution.state == "Failed":
                failed[one.label] = execution.reason
            report(one, len(left))
    return failed


def _submit(one: Measuring, attempt: int, federation: Federation, pool: WorkerPool) -> None:
    task = one.task.model_copy(update={"attempt": attempt})
    events: Events = queue.Queue()  # not read: the records hold the results
    pool.submit(Job(one.run.run_id, one.key, events), Assignment(task=task, binding=bind(federation, task)))
