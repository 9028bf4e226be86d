"""Tokens that the tokenizer gives and the base model has no weights for."""

import logging
from collections.abc import Iterable, Sequence

from fedtrain.data.tokenizer_vocabulary import known_ids
from fedtrain_trainer.context import Context
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused

local_log = logging.getLogger("fedtrain.participant")


def check_tokens(context: Context, model: AdaptedModel, texts: Iterable[Sequence[int]]) -> None:
    """Raises Refused if the base model has no weights for a token of `texts`. The reason reaches the hub, so of a
    participant's rows it names neither the token nor its id: the participant's log does."""
    highest = max((max(ids) for ids in texts if ids), default=0)
    if highest < model.tokens:
        return
    token = f"the token `{model.tokenizer.convert_ids_to_tokens(highest)}` the id {highest}"
    base, known = model.config.base_model_name_or_path, known_ids(model.tokens)
    if context.task.participant is None:
        raise Refused(f"model.base {base}: the tokenizer gives {token}, but {known}. Use the tokenizer of this model")
    local_log.error("model.base %s: the tokenizer gives %s, but %s", base, token, known)
    raise Refused(
        f"model.base {base}: the tokenizer gives a token of the rows, which this participant's log names, an id "
        f"without weights: {known}. Use the tokenizer of this model"
    )
