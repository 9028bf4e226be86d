"""The rows of a task: all of the hub's, or a participant's training and validation rows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.tasks import Task, Train
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row, fingerprint
from fedtrain.partitioning import split_indices
from fedtrain.plurals import several
from fedtrain_trainer.context import Context
from fedtrain_trainer.control_tokens import has_control_tokens
from fedtrain_trainer.examples import Encoder, Example
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused

log = logging.getLogger("fedtrain.trainer")


@dataclass(frozen=True)
class Split:
    """`fingerprint`: of all rows, in order, before the split."""

    train: list[Row]
    validation: list[Row]
    fingerprint: Digest


def all_rows(context: Context) -> list[Row]:
    uri = context.binding.data_uri
    if uri is None:
        raise Refused("the assignment's binding says no dataUri, so there is nothing to read")
    data = context.task.data
    return read_rows(uri, data.format, context.binding.places.data, data.fields)


def participant_rows(context: Context) -> Split:
    task = context.task
    rows = all_rows(context)
    train, validation = split_indices(
        len(rows), task.data.validation_fraction, task.training.seed, participant_of(task)
    )
    return Split([rows[at] for at in train], [rows[at] for at in validation], fingerprint(rows))


def unchanged(split: Split, expected: Digest, population: int | None = None) -> Split:
    """`split`, if its rows are those that the run began with."""
    if split.fingerprint != expected or population not in (None, len(split.train)):
        raise Refused(
            f"the data changed since the run began: {several(len(split.train), 'training row')} with fingerprint "
            f"{split.fingerprint} instead of {expected}; put the old data back, or start a run of a new name"
        )
    return split


def participant_of(task: Task) -> str:
    if task.participant is None:
        raise Refused(f"a task of type {task.work.type} is a participant's, and this one names none")
    return task.participant


def is_private(task: Task) -> bool:
    """Whether nothing that depends on rows may leave the participant without noise."""
    return isinstance(task.work, Train) and task.work.example_noise is not None


def encoded(
    context: Context, model: AdaptedModel, encoder: Encoder, rows: Sequence[Row], what: str
) -> list[list[Example]]:
    """Return the examples of each row that have an answer left after truncation. Unless the task is private, notes
    count the rows without one, rows whose answer has no end token, and rows with control tokens in their text. Raises
    Refused if no answer is left."""
    examples = encoder.examples(rows)
    kept = [example for of_row in examples for example in of_row]
    if not kept and rows:
        raise Refused(
            f"none of {several(len(rows), f'{what} row')} has an answer token left within data.maxLength "
            f"{context.task.data.max_length}; raise it"
        )
    model.check_ids(max((max(example.ids) for example in kept), default=0))
    model.check_length(max((len(example.ids) for example in kept), default=0))
    counts = {
        "rowsWithoutAnswer": sum(not of_row for of_row in examples),
        "rowsWithoutEndToken": sum(not all(example.has_end for example in of_row) for of_row in examples),
        "rowsWithControlTokens": sum(has_control_tokens(model.tokenizer, rows)),
    }
    for name, count in counts.items():
        if count:
            if not is_private(context.task):
                context.notes[f"{name}.{what}"] = count
            log.warning("%s: %d of %d %s rows", name, count, len(rows), what)
    return examples
