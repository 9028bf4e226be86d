"""Which parts of a rendered conversation the assistant says, and are learned.

A template may mark them itself (`{% generation %}`). Otherwise a turn's answer is what the template adds to the
prompt that it writes for this turn at inference (`add_generation_prompt`), up to and with its end-of-turn token.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from fedtrain.data.chat.template import ChatTemplate, Rendered
from fedtrain.data.chat.template_steps import TooManySteps
from fedtrain.data.errors import DataError
from fedtrain.data.formats.message_checks import is_learned
from fedtrain.data.row import Row

log = logging.getLogger("fedtrain.data")

Message = dict[str, Any]
_WRITE_IT = "choose a base model whose template writes it, write it into the content, or remove it"


class Piece(NamedTuple):
    text: str
    is_answer: bool


class _Turn(NamedTuple):
    """The conversation up to an assistant turn, and the spans of the text that this turn says."""

    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Conversations:
    """Renders rows with one template. `end_tokens`: texts of the special tokens, one of which ends a turn. `logs`:
    whether the message of a failing template, which may quote a row, is logged."""

    template: ChatTemplate
    end_tokens: tuple[str, ...]
    logs: bool = True

    def examples(self, row: Row) -> list[list[Piece]]:
        """Return the text of a conversation in pieces, the learned turns apart. If the template writes a learned turn
        differently once others follow it (some drop earlier reasoning), return one list per learned turn instead: what
        precedes the turn at inference, and the turn. Raises DataError naming the row if the template fails, ignores a
        field of the row, or writes a turn's prompt differently at inference."""
        messages: list[Message] = row.fields["messages"]
        whole = self._render(row, messages)
        turns = [self._turn(row, number) for number, message in enumerate(messages) if is_learned(message)]
        self._check_tools(row, messages, whole.text)
        if not self._is_stable(whole.text, turns):
            return [_pieces(turn.text[: turn.spans[-1][1]], turn.spans) for turn in turns]
        return [_pieces(whole.text, [span for turn in turns for span in turn.spans])]

    def last_turn(self, row: Row, content: str) -> tuple[str, str]:
        """Return what the model sees before the last message at inference, and that message with `content` and its
        end-of-turn token. Raises DataError."""
        messages = [*row.fields["messages"][:-1], {"role": "assistant", "content": content}]
        before = self._render(row, messages[:-1], add_generation_prompt=True).text
        turn = self._continued(row, messages, before)
        self._check_says(row, messages, turn)
        (start, end) = turn.spans[0]
        return turn.text[:start], turn.text[start:end]

    def _turn(self, row: Row, number: int) -> _Turn:
        messages: list[Message] = row.fields["messages"][: number + 1]
        if self.template.marks_generation:
            turn = self._marked(row, messages)
        else:
            before = self._render(row, messages[:-1], add_generation_prompt=True).text
            turn = self._continued(row, messages, before)
        self._check_says(row, messages, turn)
        for field in ("tool_calls", "reasoning_content"):
            if field in messages[-1]:
                without = {name: value for name, value in messages[-1].items() if name != field}
                self._check_is_read(row, [*messages[:-1], without], turn.text, f"messages[{number}].{field}")
        return turn

    def _marked(self, row: Row, messages: list[Message]) -> _Turn:
        """Return the last turn's `{% generation %}` blocks: those that the conversation up to the previous assistant
        turn lacks. Raises DataError if there are none."""
        text, spans = self._render(row, messages)
        number = len(messages) - 1
        earlier = next((at for at in range(number - 1, -1, -1) if messages[at]["role"] == "assistant"), None)
        if earlier is not None:
            spans = spans[len(self._render(row, messages[: earlier + 1]).spans) :]
        if not spans:
            raise DataError(
                f"{row.where}: the base model's chat template has {{% generation %}}, but marks nothing of "
                f"messages[{number}]. Move the mark around the assistant's content, or remove it from the template"
            )
        return _Turn(text, _merged(spans))

    def _continued(self, row: Row, messages: list[Message], before: str) -> _Turn:
        """Return the last turn as what the template adds to `before`, without the blanks that it writes after its
        end-of-turn token: generation stops before them. Raises DataError if it does not begin with `before`."""
        text = self._render(row, messages).text
        if not text.startswith(before):
            raise DataError(
                f"{row.where}: the base model's chat template writes messages[{len(messages) - 1}] differently at "
                "inference than in the whole conversation. Mark the assistant's part in the template with "
                "{% generation %}"
            )
        stripped = text.rstrip()
        ends = stripped.endswith(self.end_tokens) and len(stripped) >= len(before)
        return _Turn(text, ((len(before), len(stripped) if ends else len(text)),))

    def _check_says(self, row: Row, messages: list[Message], turn: _Turn) -> None:
        """Raises DataError if the template ignores the text of the last message: nothing would be learned."""
        content = messages[-1].get("content")
        said = "".join(turn.text[start:end] for start, end in turn.spans)
        if not isinstance(content, str) or not content.strip() or content.strip() in said:
            return
        other = {**messages[-1], "content": f"{content}x"}
        fix = "choose a base model whose template writes what the assistant says, or correct the template"
        self._check_is_read(row, [*messages[:-1], other], turn.text, f"messages[{len(messages) - 1}].content", fix)

    def _is_stable(self, whole: str, turns: Sequence[_Turn]) -> bool:
        """Whether the whole conversation begins with the text of each turn, and the turns follow each other."""
        ends = [turn.spans[-1][1] for turn in turns]
        in_order = all(end <= turn.spans[0][0] for end, turn in zip(ends, turns[1:], strict=False))
        return in_order and all(whole.startswith(turn.text[:end]) for end, turn in zip(ends, turns, strict=True))

    def _check_tools(self, row: Row, messages: list[Message], text: str) -> None:
        """Raises DataError if the template ignores the row's tools."""
        if "tools" in row.fields:
            without = Row(row.where, {name: value for name, value in row.fields.items() if name != "tools"})
            self._check_is_read(without, messages, text, "tools")

    def _check_is_read(self, row: Row, messages: list[Message], text: str, field: str, fix: str = _WRITE_IT) -> None:
        """Raises DataError if a conversation that differs in a field only has the same text."""
        try:
            other = self._render(row, messages, logs=False).text
        except DataError:
            return
        if other == text:
            raise DataError(f'{row.where}: the base model\'s chat template ignores the field "{field}"', fix)

    def _render(
        self, row: Row, messages: list[Message], *, add_generation_prompt: bool = False, logs: bool = True
    ) -> Rendered:
        tools = row.fields.get("tools")
        seen = [_seen(message) for message in messages]
        try:
            try:
                return self.template.render(seen, tools, add_generation_prompt=add_generation_prompt)
            except TooManySteps:
                raise
            except Exception:
                if not any("tool_calls" in message for message in messages):
                    raise
                texts = [_with_arguments_as_text(message) for message in seen]
                return self.template.render(texts, tools, add_generation_prompt=add_generation_prompt)
        except TooManySteps as error:
            raise DataError(f"{row.where}: {error}", "correct the template, or use another base model") from error
        except Exception as error:  # whatever a template raises; its message may quote the conversation
            if logs and self.logs:
                log.error("%s: the chat template fails: %s", row.where, error)
            without = [message for message in messages if message["role"] != "system"]
            if len(without) < len(messages) and self._renders(tools, without, add_generation_prompt):
                raise DataError(
                    f"{row.where}: the base model's chat template refuses the role system",
                    "move the text of the system message to the beginning of the first user message",
                ) from error
            raise DataError(
                f"{row.where}: the base model's chat template fails on this conversation ({type(error).__name__}); "
                "change the row or the template"
            ) from error

    def _renders(self, tools: Any, messages: list[Message], add_generation_prompt: bool) -> bool:
        """Whether the template accepts these messages."""
        try:
            self.template.render([*map(_seen, messages)], tools, add_generation_prompt=add_generation_prompt)
        except Exception:  # whatever a template raises
            return False
        return True


def _pieces(text: str, spans: Sequence[tuple[int, int]]) -> list[Piece]:
    """Return all of `text`, cut at the spans."""
    cuts = [0, *(at for span in spans for at in span), len(text)]
    pieces = [Piece(text[start:end], number % 2 == 1) for number, (start, end) in enumerate(pairwise(cuts))]
    return [piece for piece in pieces if piece.text]


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the spans with those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def _seen(message: Mapping[str, Any]) -> Message:
    """Return the fields that a template reads."""
    seen = {name: value for name, value in message.items() if name != "weight"}
    return seen | ({"thinking": seen["reasoning_content"]} if "reasoning_content" in seen else {})


def _with_arguments_as_text(message: Message) -> Message:
    """Return the message with the arguments of its tool calls as JSON text, which some templates need."""
    if "tool_calls" not in message:
        return message
    calls = [
        {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
        for call in message["tool_calls"]
    ]
    return message | {"tool_calls": calls}
