"""The rows of a task as token ids, and the count of those that lose something on the way."""

import logging
from collections.abc import Sequence

from fedtrain.data.row import Row
from fedtrain.plurals import several
from fedtrain_trainer.context import Context
from fedtrain_trainer.control_tokens import has_control_tokens
from fedtrain_trainer.data import is_private
from fedtrain_trainer.examples import Encoder, Example
from fedtrain_trainer.known_tokens import check_tokens
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused

log = logging.getLogger("fedtrain.trainer")
local_log = logging.getLogger("fedtrain.participant")
"""Lines that are never part of the log's tail, which may leave the participant."""


def encoded(
    context: Context, model: AdaptedModel, encoder: Encoder, rows: Sequence[Row], what: str
) -> list[list[Example]]:
    """Return the examples of each row that have an answer left after truncation. Unless the task is private, notes
    count the rows without one, rows whose answer has no end token, and rows with control tokens in their text. Raises
    Refused if no answer is left, or a row does not fit the base model. In a private task, such a row has no examples
    instead: a refusal would reveal it."""
    examples, private = encoder.examples(rows), is_private(context.task)
    if private:
        examples = [of_row if all(model.takes(example.ids) for example in of_row) else [] for of_row in examples]
    kept = [example for of_row in examples for example in of_row]
    if not kept and rows and not private:
        raise Refused(
            f"none of {several(len(rows), f'{what} row')} has an answer token left within data.maxLength "
            f"{context.task.data.max_length}; raise `data.maxLength`"
        )
    check_tokens(context, model, (example.ids for example in kept))
    model.check_length(max((len(example.ids) for example in kept), default=0))
    counts = {
        "rowsWithoutAnswer": sum(not of_row for of_row in examples),
        "rowsWithoutEndToken": sum(not all(example.has_end for example in of_row) for of_row in examples),
        "rowsWithControlTokens": sum(has_control_tokens(model.tokenizer, rows)),
    }
    for name, count in counts.items():
        if count:
            if not private:
                context.notes[f"{name}.{what}"] = count
            (local_log if private else log).warning("%s: %d of %d %s rows", name, count, len(rows), what)
    return examples
