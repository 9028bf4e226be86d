"""One row of data, checked against its format."""

# pyright: basic
# (rows are checked here, value by value)

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from fedtrain.api.data import Format
from fedtrain.contracts.records import Digest
from fedtrain.data.errors import DataError

NEEDS = {
    "Messages": "{messages: [{role, content}, ...]}",
    "PromptCompletion": "{prompt, completion}",
    "Text": "{text}",
}


@dataclass(frozen=True, slots=True)
class Row:
    """`fields` holds what the format reads and nothing else: messages; prompt, completion; or text; and `choices`
    where the row has them. `where` is the file and line (or row of a table) that it came from."""

    where: str
    fields: dict[str, Any]


def check(found: object, format: Format, where: str) -> Row:
    """The row that `found` is. Raises DataError naming `where`, the field and what the format needs."""
    if not isinstance(found, dict):
        raise DataError(f"{where}: a row must be an object {NEEDS[format]}, not {_shown(found)}")
    if format == "Messages":
        fields: dict[str, Any] = {"messages": _messages(found, where)}
    elif format == "PromptCompletion":
        fields = {
            "prompt": _text(found, "prompt", format, where),
            "completion": _text(found, "completion", format, where),
        }
        if not fields["completion"]:
            raise DataError(f'{where}: field "completion" is empty, so there is nothing to learn; delete the row')
    else:
        fields = {"text": _text(found, "text", format, where)}
        if not fields["text"]:
            raise DataError(f'{where}: field "text" is empty, so there is nothing to learn; delete the row')
    choices = found.get("choices")
    if choices is not None and format != "Text":
        fields["choices"] = _choices(choices, where)
    return Row(where, fields)


def answer(row: Row) -> str:
    """The text that the row's loss is on: the completion, or the last assistant turn."""
    if "completion" in row.fields:
        return row.fields["completion"]
    return row.fields["messages"][-1]["content"]


def fingerprint(rows: Iterable[Row]) -> Digest:
    """BLAKE3 over the rows in order: the canonical JSON of each row's fields, a newline after each."""
    digest = blake3()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
    for row in rows:
        digest.update(f"{encode(row.fields)}\n".encode())
    return f"blake3:{digest.hexdigest()}"


def _text(found: dict[str, Any], field: str, format: Format, where: str) -> str:
    if field not in found:
        raise DataError(f'{where}: field "{field}" is missing; the format {format} needs {NEEDS[format]}')
    value = found[field]
    if not isinstance(value, str):
        raise DataError(f'{where}: field "{field}" must be a text, not {_shown(value)}')
    return _unicode(value, where)


def _unicode(text: str, where: str) -> str:
    """JSON can escape halves of characters, which are no text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}: a text holds half a character (\\u{ord(text[error.start]):04x}); repair it"
        ) from error
    return text


def _messages(found: dict[str, Any], where: str) -> list[dict[str, str]]:
    if "messages" not in found:
        raise DataError(f'{where}: field "messages" is missing; the format Messages needs {NEEDS["Messages"]}')
    messages = found["messages"]
    if not isinstance(messages, list) or not messages:
        raise DataError(f'{where}: field "messages" must be a list of {{role, content}}, not {_shown(messages)}')
    checked: list[dict[str, str]] = []
    for number, message in enumerate(messages):
        for field in ("role", "content"):
            value = message.get(field) if isinstance(message, dict) else None
            if not isinstance(value, str):
                raise DataError(f'{where}: messages[{number}] must have a text "{field}", not {_shown(message)}')
        checked.append({"role": message["role"], "content": _unicode(message["content"], where)})
    if checked[-1]["role"] != "assistant":
        raise DataError(
            f'{where}: the last message is of "{checked[-1]["role"]}"; it must be the assistant\'s, for that is what '
            "is learned"
        )
    return checked


def _choices(choices: object, where: str) -> list[str]:
    if (
        not isinstance(choices, list)
        or len(choices) < 2
        or not all(isinstance(choice, str) and choice for choice in choices)
    ):
        raise DataError(f'{where}: field "choices" must be a list of at least two texts, not {_shown(choices)}')
    return [_unicode(choice, where) for choice in choices]


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
