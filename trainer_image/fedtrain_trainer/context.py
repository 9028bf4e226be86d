"""What a task works with: its order, its place in the group, and stop-watches."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.contracts.tasks import Assignment, Binding, Task
from fedtrain.ledger.task_store import TaskStore
from fedtrain_trainer.group import Group
from fedtrain_trainer.outcome import Progress
from fedtrain_trainer.spool import Spool

if TYPE_CHECKING:
    from fedtrain_trainer.lora import Models


@dataclass
class Context:
    """`store` is used in the main process alone. `models`: holds the base model between tasks. `folder`: scratch space
    of this task. `seconds` by phase, without phases within it, and `notes`, what else is worth knowing: telemetry."""

    assignment: Assignment
    store: TaskStore | None
    group: Group
    models: "Models | None"
    report: Progress
    folder: Path
    spool: Spool | None = field(default_factory=Spool.of_environment)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)
    _within: float = field(default=0.0, init=False)
    """Seconds of the phases within the current one."""

    @property
    def task(self) -> Task:
        return self.assignment.task

    @property
    def binding(self) -> Binding:
        return self.assignment.binding

    @property
    def ledger(self) -> TaskStore:
        assert self.store is not None, "only the main process has a store"
        return self.store

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        self.report(phase, 0, 0)
        before, self._within = self._within, 0.0
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[phase] = self.seconds.get(phase, 0.0) + spent - self._within
            self._within = before + spent
