"""Conversations through a base model's chat template: which parts of the text the assistant says.

A template may mark them itself (`{% generation %}`). Otherwise a turn's answer is what the template adds to the
prompt that it writes for this turn at inference (`add_generation_prompt`), up to and with its end-of-turn token.
"""

import logging
from typing import Any, NamedTuple

from fedtrain.data.row import Row
from fedtrain_trainer.chat_template import fix_date, marks_generation
from fedtrain_trainer.outcome import Refused

log = logging.getLogger("fedtrain.trainer")


class Piece(NamedTuple):
    text: str
    is_answer: bool


def generation_marked(tokenizer: Any) -> bool:
    return marks_generation(tokenizer.get_chat_template())


def marked(tokenizer: Any, row: Row) -> tuple[list[int], list[bool]]:
    """Return the ids of a conversation, and for each whether the template marks it as the assistant's. Raises Refused
    if it marks none."""
    encoded = _apply(
        tokenizer, row.fields["messages"], row.where, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    flags = [bool(flag) for flag in encoded["assistant_masks"]]
    if not any(flags):
        raise Refused(
            f"{row.where}: the base model's chat template has {{% generation %}}, but marks nothing of this "
            "conversation. Move the mark around the assistant's content, or remove it from the template"
        )
    return list(encoded["input_ids"]), flags


def conversations(tokenizer: Any, messages: list[dict[str, str]], where: str) -> list[list[Piece]]:
    """Return the text of a conversation in pieces, the assistant's turns apart. If the template writes a turn
    differently once others follow it (some drop earlier reasoning), return one list per assistant turn instead: what
    precedes the turn at inference, and the turn. Raises Refused if a turn does not begin with its prompt."""
    whole = render(tokenizer, messages, where)
    pieces: list[Piece] = []
    each: list[list[Piece]] = []
    at, is_stable = 0, True
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before, answer = turn(tokenizer, messages[: number + 1], where)
        each.append([Piece(before, False), Piece(answer, True)])
        end = len(before) + len(answer)
        is_stable = is_stable and whole.startswith(before + answer) and len(before) >= at
        pieces += [Piece(whole[at : len(before)], False), Piece(whole[len(before) : end], True)]
        at = end
    if not is_stable:
        return each
    if at < len(whole):
        pieces.append(Piece(whole[at:], False))
    return [pieces]


def turn(tokenizer: Any, messages: list[dict[str, str]], where: str) -> tuple[str, str]:
    """Return what the model sees before the last message, the assistant's, at inference, and that message with its
    end-of-turn token. Raises Refused if the template writes the prompt differently once the answer follows."""
    before = render(tokenizer, messages[:-1], where, add_generation_prompt=True)
    after = render(tokenizer, messages, where)
    if not after.startswith(before):
        raise Refused(
            f"{where}: the base model's chat template writes messages[{len(messages) - 1}] differently at inference "
            "than in the whole conversation. Mark the assistant's part in the template with {% generation %}"
        )
    return before, _ended(tokenizer, after[len(before) :])


def render(tokenizer: Any, messages: list[dict[str, str]], where: str, *, add_generation_prompt: bool = False) -> str:
    return _apply(tokenizer, messages, where, tokenize=False, add_generation_prompt=add_generation_prompt)


def _ended(tokenizer: Any, text: str) -> str:
    """An answer without the blanks that a template writes after its end-of-turn token: generation stops before."""
    stripped = text.rstrip()
    return stripped if stripped.endswith(tuple(tokenizer.all_special_tokens)) else text


def _apply(tokenizer: Any, messages: list[dict[str, str]], where: str, **options: Any) -> Any:
    fix_date(tokenizer.get_chat_template())
    try:
        return tokenizer.apply_chat_template(messages, **options)
    except Exception as error:  # whatever a template raises; its message may quote the conversation
        log.error("%s: the chat template fails: %s", where, error)
        raise Refused(
            f"{where}: the base model's chat template fails on this conversation ({type(error).__name__}); change the "
            "row or the template"
        ) from error
