"""Conversations through a base model's chat template: which parts of the text the assistant says.

A template may mark them itself (`{% generation %}`). Otherwise a turn's answer is what the template adds to the
prompt that it writes for this turn at inference (`add_generation_prompt`), up to and with its end-of-turn token.
"""

import logging
from typing import Any, NamedTuple

from fedtrain.data.row import Row
from fedtrain_trainer.outcome import Refused

log = logging.getLogger("fedtrain.trainer")


class Piece(NamedTuple):
    text: str
    is_answer: bool


def generation_marked(tokenizer: Any) -> bool:
    return "{% generation" in str(tokenizer.chat_template) or "{%- generation" in str(tokenizer.chat_template)


def marked(tokenizer: Any, row: Row) -> tuple[list[int], list[bool]]:
    """Ids of a conversation, and for each whether the template marks it as the assistant's."""
    encoded = _apply(
        tokenizer, row.fields["messages"], row.where, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    return list(encoded["input_ids"]), [bool(flag) for flag in encoded["assistant_masks"]]


def turns(tokenizer: Any, messages: list[dict[str, str]], where: str) -> list[Piece]:
    """The text of a conversation in pieces, the assistant's turns apart. Raises Refused where the template writes a
    turn differently once others follow it, for then no piece of the text is what inference would give."""
    whole = render(tokenizer, messages, where)
    pieces: list[Piece] = []
    at = 0
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = render(tokenizer, messages[:number], where, add_generation_prompt=True)
        after = render(tokenizer, messages[: number + 1], where)
        if not (whole.startswith(after) and after.startswith(before) and len(before) >= at):
            raise Refused(
                f"{where}: the base model's chat template writes messages[{number}] differently at inference than in "
                "the whole conversation; mark the assistant's part in the template with {% generation %}, or keep one "
                "assistant turn a row"
            )
        end = len(before) + len(_ended(tokenizer, after[len(before) :]))
        pieces += [Piece(whole[at : len(before)], False), Piece(whole[len(before) : end], True)]
        at = end
    if at < len(whole):
        pieces.append(Piece(whole[at:], False))
    return pieces


def render(tokenizer: Any, messages: list[dict[str, str]], where: str, *, add_generation_prompt: bool = False) -> str:
    return _apply(tokenizer, messages, where, tokenize=False, add_generation_prompt=add_generation_prompt)


def _ended(tokenizer: Any, text: str) -> str:
    """An answer without the blanks that a template writes after its end-of-turn token: generation stops before."""
    stripped = text.rstrip()
    return stripped if stripped.endswith(tuple(tokenizer.all_special_tokens)) else text


def _apply(tokenizer: Any, messages: list[dict[str, str]], where: str, **options: Any) -> Any:
    try:
        return tokenizer.apply_chat_template(messages, **options)
    except Exception as error:  # whatever a template raises; its message may quote the conversation
        log.error("%s: the chat template fails: %s", where, error)
        raise Refused(
            f"{where}: the base model's chat template fails on this conversation ({type(error).__name__}); change the "
            "row or the template"
        ) from error
