"""The local executor: trainer tasks go to the pool of warm workers, aggregation to a warm aggregator process."""

import queue
from collections.abc import Callable, Mapping
from pathlib import Path

from fedtrain.api.storage import Storage
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Assignment, Binding, Task
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain.runner.aggregator_process import AggregatorProcess
from fedtrain.runner.worker_pool import Ended, Events, Job, WorkerPool


class Executor:
    """Starts, watches and cancels one run's tasks. The pool may be shared with other runs.

    `enter` is called before a task starts: the owner's policy judges it, and its ledger of privacy counts it. It
    returns why the task may not start, or None."""

    def __init__(
        self,
        run: Run,
        pool: WorkerPool,
        storage: Storage,
        log: Path,
        bind: Callable[[Task], Binding],
        enter: Callable[[TaskKey, Task], str | None] = lambda key, task: None,
    ) -> None:
        self.events: Events = queue.Queue()
        self._run = run
        self._pool = pool
        self._aggregator = AggregatorProcess(run, storage, log, self.events)
        self._bind = bind
        self._enter = enter
        self._refused: dict[TaskKey, Execution] = {}

    def executions(self) -> Mapping[TaskKey, Execution]:
        """Raises RunError if workers or the aggregator cannot be started."""
        return {**self._pool.executions(self._run.run_id), **self._aggregator.executions(), **self._refused}

    @property
    def starting(self) -> int:
        """Workers that are not ready yet."""
        return self._pool.starting

    def start(self, key: TaskKey, order: Task | AggregateOrder) -> None:
        """Raises RunError if the owner's ledger cannot be used."""
        if isinstance(order, AggregateOrder):
            self._aggregator.submit(key, order)
        elif (reason := self._enter(key, order)) is not None:
            self._refused[key] = Execution("Failed", retryable=False, reason=reason)
            self.events.put(Ended(key, self._refused[key], worker=0, wall=0.0, seconds={}))
        else:
            self._pool.submit(self._job(key), Assignment(task=order, binding=self._bind(order)))

    def cancel(self, key: TaskKey) -> None:
        self._refused.pop(key, None)
        self._pool.cancel(self._job(key))
        self._aggregator.cancel(key)

    def close(self) -> None:
        """Stop this run's tasks; the pool keeps running."""
        self._pool.cancel_all(self._run.run_id)
        self._aggregator.close()

    def _job(self, key: TaskKey) -> Job:
        return Job(self._run.run_id, key, self.events)
