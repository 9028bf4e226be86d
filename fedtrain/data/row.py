"""Validates one row of data against its format."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from blake3 import blake3

from fedtrain.api.data import Format
from fedtrain.contracts.records import Digest
from fedtrain.data.errors import DataError, type_name

NEEDS: Mapping[Format, str] = {
    "Messages": "{messages: [{role, content}, ...]}",
    "PromptCompletion": "{prompt, completion}",
    "Text": "{text}",
}
COLUMNS: Mapping[Format, tuple[str, ...]] = {
    "Messages": ("messages", "choices"),
    "PromptCompletion": ("prompt", "completion", "choices"),
    "Text": ("text",),
}
"""The fields that each format reads."""


@dataclass(frozen=True, slots=True)
class Row:
    """`fields` has the fields that the format reads and no others: messages; prompt, completion; or text; and `choices`
    if the row has them. `where`: file and line, or row of a table."""

    where: str
    fields: dict[str, Any]


def check(found: object, format: Format, where: str) -> Row:
    """Return the row. Raises DataError naming `where`, the field and what the format needs, but no value."""
    if not isinstance(found, dict):
        raise DataError(f"{where}: a row must be an object {NEEDS[format]}, not {type_name(found)}")
    row = cast("dict[str, object]", found)
    fields: dict[str, Any] = {}
    match format:
        case "Messages":
            fields["messages"] = _messages(row, where)
        case "PromptCompletion":
            fields["prompt"] = _text(row, "prompt", format, where)
            fields["completion"] = _not_empty(_text(row, "completion", format, where), "completion", where)
        case "Text":
            fields["text"] = _not_empty(_text(row, "text", format, where), "text", where)
    choices = row.get("choices")
    if choices is not None and format != "Text":
        fields["choices"] = _choices(choices, where)
    return Row(where, fields)


def answer(row: Row) -> str:
    """Return the text that the loss is on: the completion, or the last assistant turn."""
    if "completion" in row.fields:
        return row.fields["completion"]
    return row.fields["messages"][-1]["content"]


def fingerprint(rows: Iterable[Row]) -> Digest:
    """Return BLAKE3 over the rows in order: the canonical JSON of each row's fields, a newline after each."""
    digest = blake3()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
    for row in rows:
        digest.update(f"{encode(row.fields)}\n".encode())
    return f"blake3:{digest.hexdigest()}"


def _text(row: Mapping[str, object], field: str, format: Format, where: str) -> str:
    if field not in row:
        raise DataError(f'{where}: field "{field}" is missing; the format {format} needs {NEEDS[format]}')
    value = row[field]
    if not isinstance(value, str):
        raise DataError(f'{where}: field "{field}" must be a text, not {type_name(value)}')
    return _unicode(value, field, where)


def _not_empty(text: str, field: str, where: str) -> str:
    if not text:
        raise DataError(f'{where}: field "{field}" is empty, so there is nothing to learn', "delete the row")
    return text


def _unicode(text: str, field: str, where: str) -> str:
    """JSON can escape halves of surrogate pairs, which are not valid text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f'{where}: field "{field}" contains half a surrogate pair', "repair the text") from error
    return text


def _messages(row: Mapping[str, object], where: str) -> list[dict[str, str]]:
    if "messages" not in row:
        raise DataError(f'{where}: field "messages" is missing; the format Messages needs {NEEDS["Messages"]}')
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        raise DataError(
            f'{where}: field "messages" must be a list of {{role, content}}, not {type_name(cast("object", messages))}'
        )
    checked = [_message(one, at, where) for at, one in enumerate(cast("list[object]", messages))]
    if checked[-1]["role"] != "assistant":
        raise DataError(
            f'{where}: the role of the last message must be "assistant"; its content is what is learned',
            "add the answer, or delete the row",
        )
    return checked


def _message(message: object, at: int, where: str) -> dict[str, str]:
    if not isinstance(message, dict):
        raise DataError(f"{where}: messages[{at}] must be an object {{role, content}}, not {type_name(message)}")
    fields = cast("dict[str, object]", message)
    found: dict[str, str] = {}
    for name in ("role", "content"):
        value = fields.get(name)
        if not isinstance(value, str):
            kind = type_name(value) if name in fields else "missing"
            raise DataError(f'{where}: messages[{at}] must have a text "{name}", which is {kind}')
        found[name] = _unicode(value, f"messages[{at}].{name}", where)
    return found


def _choices(choices: object, where: str) -> list[str]:
    listed = cast("list[object]", choices) if isinstance(choices, list) else []
    texts = [choice for choice in listed if isinstance(choice, str) and choice]
    if len(texts) < 2 or len(texts) < len(listed):
        raise DataError(
            f'{where}: field "choices" must be a list of at least two texts, not {_shape(cast("object", choices))}'
        )
    return [_unicode(choice, "choices", where) for choice in texts]


def _shape(choices: object) -> str:
    """Return the type of `choices`, with the type of its first item that is not a text."""
    if not isinstance(choices, list):
        return type_name(choices)
    listed = cast("list[object]", choices)
    wrong = next((choice for choice in listed if not isinstance(choice, str) or not choice), None)
    return f"a list with {type_name(wrong)}" if len(listed) > 1 else f"a list of {len(listed)}"
