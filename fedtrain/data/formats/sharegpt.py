"""`ShareGPT`: {"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}]}.

Optionally with `system` and `tools`. Becomes a conversation like `Messages`.
"""

from collections.abc import Mapping
from typing import Any, cast

from fedtrain.data.errors import type_name
from fedtrain.data.formats.field_reader import FieldReader
from fedtrain.data.formats.message_checks import Message, finished, messages_of
from fedtrain.data.formats.row_format import RowFormat
from fedtrain.data.formats.tools import tools_of

ROLES: Mapping[str, str] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
}


def _read(reader: FieldReader) -> dict[str, Any]:
    name = reader.name("conversations")
    turns = reader.list_or_json(reader.required("conversations"), name)
    if not isinstance(turns, list) or not turns:
        raise reader.error(f'field "{name}" must be a list of {{from, value}}, not {type_name(cast("object", turns))}')
    messages = [_message(reader, turn, f"{name}[{at}]") for at, turn in enumerate(cast("list[object]", turns))]
    system: list[Message] = []
    if text := reader.optional_text("system"):
        system = [{"role": "system", "content": text}]
    checked = messages_of(reader, messages, name, role="from", content="value")
    return {"messages": finished(reader, [*system, *checked], name), **tools_of(reader)}


def _message(reader: FieldReader, turn: object, path: str) -> dict[str, object]:
    """Return the turn in the words of Messages. Raises DataError."""
    if not isinstance(turn, dict):
        raise reader.error(f"turn {path} must be an object {{from, value}}, not {type_name(turn)}")
    fields = cast("dict[str, object]", turn)
    speaker = fields.get("from", fields.get("role"))
    if not isinstance(speaker, str):
        raise reader.error(f'turn {path} must have text in "from", which is {_type(speaker)}')
    if speaker not in ROLES:
        raise reader.error(f"field {path}.from must be one of {', '.join(ROLES)}")
    message: dict[str, object] = {"role": ROLES[speaker], "content": fields.get("value", fields.get("content"))}
    if speaker == "function_call":
        message |= {"content": "", "tool_calls": _calls(reader, message["content"], f"{path}.value")}
    return message | {field: fields[field] for field in ("weight", "train") if field in fields}


def _calls(reader: FieldReader, value: object, path: str) -> object:
    """Return the calls of a `function_call` turn, which are JSON text: one call or a list."""
    calls = reader.parsed(value, path) if isinstance(value, str) else value
    return cast("object", calls) if isinstance(calls, list) else [calls]


def _type(value: object) -> str:
    return "missing" if value is None else type_name(value)


SHAREGPT = RowFormat("ShareGPT", "{conversations: [{from, value}, ...]}", _read)
