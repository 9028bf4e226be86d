"""What a task works with: its order, its place in the group, and stop-watches."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch

from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Record
from fedtrain.contracts.tasks import Assignment, Binding, Task
from fedtrain.ledger.task_store import TaskStore
from fedtrain_trainer.adapter_files import CONFIG, WEIGHTS, config_of, read_config, read_weights, same_adapter
from fedtrain_trainer.base import base_folder
from fedtrain_trainer.distributed import Group
from fedtrain_trainer.lora import AdaptedModel, Models
from fedtrain_trainer.outcome import Progress
from fedtrain_trainer.precision import chosen, device_here
from fedtrain_trainer.recorded_base import check_base
from fedtrain_trainer.spool import Spool

R = TypeVar("R", bound=Record)


@dataclass
class Context:
    """`folder`: scratch space of this task. `store` is used in the main process alone. `seconds` by phase and
    `notes`, what else is worth knowing: telemetry."""

    assignment: Assignment
    store: TaskStore | None
    group: Group
    models: Models
    report: Progress
    folder: Path
    spool: Spool | None = field(default_factory=Spool.of_environment)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)

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
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start

    def received(self, adapter: Digest, config: Digest) -> tuple[AdaptedModel, dict[str, torch.Tensor]]:
        """The base model with the task's adapter, and the weights of these blobs on the CPU. Raises Refused if the
        config is of another adapter than `model.adapter`, which the owner of the data has approved."""
        with self.timed("fetching"):
            content, settings = self.group.from_main(lambda: self._fetch(adapter, config))
            if not self.group.is_main:
                (self.folder / WEIGHTS).write_bytes(content)
                (self.folder / CONFIG).write_bytes(settings)
            tensors = read_weights(self.folder / WEIGHTS)
        with self.timed("loading"):
            model = self.model(config_of(self.task.model))
            same_adapter(read_config(self.folder / CONFIG), model.config)
        return model, tensors

    def model(self, config: object) -> AdaptedModel:
        task, device = self.task, device_here()
        dtype = chosen(task.training.precision, device)
        folder = base_folder(task.model, self.binding)
        check_base(task, self.binding, folder)
        return self.models.get(folder, config, dtype, device)

    def base_settings(self) -> Path:
        """The folder of the base model's settings and tokenizer. Its weights may be missing."""
        return base_folder(self.task.model, self.binding, weights=False)

    def _fetch(self, adapter: Digest, config: Digest) -> tuple[bytes, bytes]:
        """Fetches both into the folder; their bytes, where others wait for them."""
        self.ledger.fetch(adapter, self.folder / WEIGHTS)
        self.ledger.fetch(config, self.folder / CONFIG)
        if self.group.world == 1:
            return b"", b""
        return (self.folder / WEIGHTS).read_bytes(), (self.folder / CONFIG).read_bytes()
