"""The rows of a task: all of the hub's, or a participant's training and validation rows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedtrain.api.data import Format
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.tasks import Task, Train
from fedtrain.data.mixed_rows import DatasetRows, fingerprint_of, read_data_sets
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row
from fedtrain.partitioning import split_indices, stream_of, window_indices
from fedtrain.plurals import several
from fedtrain_trainer.context import Context
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.secret_files import secret_in


@dataclass(frozen=True)
class DatasetSplit:
    """The rows of one data set. `stream`: name of its stream in seeds."""

    name: str
    stream: str
    train: list[Row]
    validation: list[Row]


@dataclass(frozen=True)
class Split:
    """The data sets of a participant, in the order of the training. `fingerprint`: of all rows, before the split."""

    datasets: tuple[DatasetSplit, ...]
    fingerprint: Digest

    @property
    def training_rows(self) -> int:
        """Number of training rows of all data sets."""
        return sum(len(one.train) for one in self.datasets)

    @property
    def validation(self) -> list[Row]:
        """The held-out rows of all data sets."""
        return [row for one in self.datasets for row in one.validation]

    def window(self, work: Train, seed: int) -> list[Row]:
        """Return the rows of a round, one data set after another; the steps shuffle them. Raises Refused if the task
        does not say how many of each data set; if its slice does not have the number of distinct rows that the owner's
        policy was asked for; or with unit Example, if it does not list each row once: a row that is listed twice is
        sampled and clipped twice."""
        if work.example_noise is not None and not self._is_listed_once(work):
            raise Refused(
                f"privacy.unit: Example needs each of the {several(self.training_rows, 'training row')} of one data "
                f"set once, but the task asks for {several(work.samples, 'sample')} from {work.start} of "
                f"{several(len(self.datasets), 'data set')}. Update fedtrain at the hub"
            )
        if len(self.datasets) == 1:
            slices = {self.datasets[0].name: (work.start, work.samples)}
        else:
            slices = {one.name: (one.start, one.samples) for one in work.datasets or ()}
        if list(slices) != [one.name for one in self.datasets]:
            raise Refused("the task has no slice for each data set; update fedtrain at the hub")
        listed = [window_indices(len(one.train), seed, one.stream, *slices[one.name]) for one in self.datasets]
        distinct = sum(len(np.unique(indices)) for indices in listed)
        if distinct != work.distinct:
            raise Refused(f"the task counts {several(work.distinct, 'distinct row')}, but its slice has {distinct}")
        return [one.train[at] for one, indices in zip(self.datasets, listed, strict=True) for at in indices]

    def _is_listed_once(self, work: Train) -> bool:
        rows = self.training_rows
        return len(self.datasets) == 1 and work.samples == rows > 0 and work.start % rows == 0


def hub_rows(context: Context) -> list[Row]:
    """Return the rows that the hub evaluates on."""
    data = context.task.data
    (uri,), (place,) = context.binding.data_uris, context.binding.places.data
    return read_rows(uri, data.format, place, data.fields)


def participant_rows(context: Context) -> Split:
    task, binding = context.task, context.binding
    if binding.fingerprint_key is None:
        raise Refused("this participant has no key for the fingerprint of its rows; update fedtrain here")
    secret = secret_in(Path(binding.fingerprint_key), "fingerprint key")
    locations = zip(binding.data_uris, binding.places.data, strict=True)
    datasets = read_data_sets(task.data, locations)
    fingerprint = fingerprint_of(datasets, participant_of(task), secret)
    return Split(tuple(_split(task, one) for one in datasets), fingerprint)


def _split(task: Task, dataset: DatasetRows) -> DatasetSplit:
    mixed = task.data.datasets is not None
    stream = stream_of(participant_of(task), dataset.name if mixed else None)
    rows = dataset.rows
    train, validation = split_indices(len(rows), task.data.validation_fraction, task.training.seed, stream)
    return DatasetSplit(dataset.name, stream, [rows[at] for at in train], [rows[at] for at in validation])


def unchanged(split: Split, expected: Digest, work: Train | None = None) -> Split:
    """`split`, if its rows are those that the run began with. `work`: says how many training rows each data set had;
    other tasks do not."""
    counted = {one.name: len(one.train) for one in split.datasets}
    populations = {one.name: one.population for one in work.datasets or ()} if work is not None else {}
    total = work.population if work is not None else split.training_rows
    if split.fingerprint != expected or total != split.training_rows or (populations and populations != counted):
        now = several(split.training_rows, "training row")
        if work is None:
            change = f"{now} now, not the ones that the run began with"
        elif total != split.training_rows:
            change = f"{now}, and {total:,} before"
        else:
            change = f"{now} as before, but other ones"
        raise Refused(
            f"the data changed since the run began: {change}; put the old data back, or start a run of a new name"
        )
    return split


def participant_of(task: Task) -> str:
    if task.participant is None:
        raise Refused(f"a task of type {task.work.type} is a participant's, and this one names none")
    return task.participant


def formats(task: Task) -> set[Format]:
    """Return the formats of the rows that a task reads."""
    return {task.data.format} if task.participant is None else {source.format for source in task.data.sources}


def is_private(task: Task) -> bool:
    """Whether nothing that depends on rows may leave the participant without noise."""
    return isinstance(task.work, Train) and task.work.example_noise is not None
