"""Tool definitions and tool calls, as in OpenAI's API."""

from typing import Any, cast

from fedtrain.data.errors import type_name
from fedtrain.data.formats.field_reader import FieldReader


def tools_of(reader: FieldReader) -> dict[str, Any]:
    """Return {"tools": [...]} if the row has tool definitions: a list of objects, or that as JSON text. Raises
    DataError."""
    name = reader.name("tools")
    value = reader.list_or_json(reader.optional("tools"), name)
    if value is None or value == "" or value == []:
        return {}
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in cast("list[object]", value)):
        shape = "a list" if isinstance(value, list) else type_name(value)
        raise reader.error(f'field "{name}" must be a list of tool definitions, not {shape}', "write JSON schemas")
    reader.all_unicode(cast("object", value), name)
    return {"tools": value}


def tool_calls_of(reader: FieldReader, value: object, path: str) -> list[dict[str, Any]]:
    """Return the calls of one assistant turn with their arguments as objects. Raises DataError."""
    value = reader.list_or_json(value, path)
    if not isinstance(value, list):
        raise reader.error(f"{path} must be a list of {{function: {{name, arguments}}}}, not {type_name(value)}")
    return [_call(reader, call, f"{path}[{at}]") for at, call in enumerate(cast("list[object]", value))]


def _call(reader: FieldReader, call: object, path: str) -> dict[str, Any]:
    fields = cast("dict[str, object]", call) if isinstance(call, dict) else {}
    function = fields.get("function", fields)
    called = cast("dict[str, object]", function) if isinstance(function, dict) else {}
    name = called.get("name")
    if not isinstance(name, str) or not name:
        raise reader.error(f"{path} must be an object {{function: {{name, arguments}}}} with a name")
    arguments: object = called.get("arguments", {})
    if isinstance(arguments, str):
        arguments = reader.parsed(arguments, f"{path}.function.arguments") if arguments.strip() else {}
    if not isinstance(arguments, dict):
        raise reader.error(f"{path}.function.arguments must be a JSON object", "correct the call")
    reader.all_unicode([name, cast("object", arguments)], path)
    identity = fields.get("id")
    found: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return found | ({"id": reader.unicode(identity, path)} if isinstance(identity, str) else {})
