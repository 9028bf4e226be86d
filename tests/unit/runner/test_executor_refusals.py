"""Tasks that the owner's ledger of privacy refuses never reach a worker."""

from pathlib import Path
from typing import Any, cast

from fedtrain.api.storage import File, Storage
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Assignment, Binding, Task
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain.runner.executor import Executor
from fedtrain.runner.worker_pool import Ended, Job, WorkerPool

RUN = Run(run_id="run-1", namespace="default", name="n", spec={})


class Pool:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, job: Job, assignment: Assignment) -> None:
        self.jobs.append(job)

    def cancel(self, job: Job) -> None: ...
    def cancel_all(self, run_id: str) -> None: ...
    def executions(self, run_id: str) -> dict[TaskKey, Execution]:
        return {}


def test_a_refused_task_fails_for_good_with_the_reason_and_does_not_start(tmp_path: Path) -> None:
    pool, storage = Pool(), Storage(type="File", file=File(path=str(tmp_path)))
    task = cast(Task, Task.model_construct())
    reasons: dict[str, str | None] = {"a": "the maximum is 7", "b": None}

    def bind(task: Task) -> Any:
        return Binding.model_construct()

    executor = Executor(
        RUN, cast(WorkerPool, pool), storage, tmp_path / "log", bind, lambda key, task: reasons[key.who]
    )
    one, other = TaskKey(1, "Train", "a", 1), TaskKey(1, "Train", "b", 1)
    executor.start(one, task)
    assert executor.executions()[one] == Execution("Failed", retryable=False, reason="the maximum is 7")
    event = executor.events.get_nowait()
    assert isinstance(event, Ended)
    assert event.key == one
    assert pool.jobs == []
    executor.start(other, task)
    assert [job.key for job in pool.jobs] == [other]
    executor.cancel(one)
    assert executor.executions() == {}
    executor.close()
