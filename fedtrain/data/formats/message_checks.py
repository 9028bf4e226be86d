"""Checks the messages of a conversation and brings them into one form."""

from typing import Any, cast

from fedtrain.data.errors import ShareGptTurns, type_name
from fedtrain.data.formats.field_reader import FieldReader, is_blank
from fedtrain.data.formats.tools import tool_calls_of

Message = dict[str, Any]

ROLES = ("system", "developer", "user", "assistant", "tool")
REASONING = ("reasoning_content", "thinking", "reasoning")
"""Names of a turn's reasoning; the first is what most chat templates read."""


def messages_of(
    reader: FieldReader, value: object, name: str, role: str = "role", content: str = "content"
) -> list[Message]:
    """Return the messages of field `name` in the form that `Row` describes. `role` and `content`: their names in
    errors. Raises DataError."""
    value = reader.list_or_json(value, name)
    if not isinstance(value, list) or not value:
        kind = type_name(cast("object", value))
        raise reader.error(f'field "{name}" must be a list of {{{role}, {content}}}, not {kind}')
    listed = cast("list[object]", value)
    return [_message(reader, message, f"{name}[{at}]", role, content) for at, message in enumerate(listed)]


def finished(reader: FieldReader, messages: list[Message], name: str) -> list[Message]:
    """Return the messages of a whole conversation. Raises DataError if it ends without an answer, or if nothing in it
    is learned."""
    last = messages[-1]
    if last["role"] != "assistant":
        if last["role"] in ROLES:
            problem = (
                f'the last message of field "{name}" has the role "{last["role"]}", so the row has no answer to learn'
            )
            raise reader.error(problem, 'add the answer as a last message with the role "assistant", or delete the row')
        problem = f'the last message of field "{name}" has a role other than "assistant", and only answers are learned'
        raise reader.error(problem, 'rename the roles: "assistant" for answers, "user" for prompts')
    learned = [message for message in messages if is_learned(message)]
    if not learned:
        raise reader.error(f'field "{name}": no assistant turn is learned (weight 0 or train false)', "delete the row")
    if is_learned(last) and not last["content"] and "tool_calls" not in last:
        raise reader.error(
            f'field "{name}": the last answer is empty, so there is nothing to learn', "fill it in, or delete the row"
        )
    if any(is_blank(message["content"]) and "tool_calls" not in message for message in learned):
        reader.warn(name, "BlankAnswer")
    return messages


def is_learned(message: Message) -> bool:
    return message["role"] == "assistant" and message.get("weight") != 0


def _message(reader: FieldReader, message: object, path: str, role_name: str, content_name: str) -> Message:
    if not isinstance(message, dict):
        kind = type_name(message)
        fix = f"write one row for each text, or messages as `{{{role_name}, {content_name}}}`"
        raise reader.error(f"{path} must be an object {{{role_name}, {content_name}}}, not {kind}", fix)
    fields = {field: value for field, value in cast("dict[str, object]", message).items() if value is not None}
    if "role" not in fields and "from" in fields and "value" in fields:
        raise ShareGptTurns(reader.where, path, path.partition("[")[0])
    role = reader.unicode(_text(reader, fields, "role", path, role_name), f"{path}.{role_name}")
    if role not in ROLES:
        reader.warn(f"{path}.{role_name}", "UnknownRole")
    found: Message = {"role": role}
    if fields.get("function_call") is not None:
        raise reader.error(f"{path}.function_call is not supported", "write the call as `tool_calls`")
    if calls := fields.get("tool_calls"):
        found["tool_calls"] = tool_calls_of(reader, calls, f"{path}.tool_calls")
    found["content"] = _content(reader, fields, path, content_name, may_lack=bool(calls))
    if role == "user" and is_blank(found["content"]):
        reader.warn(f"{path}.{content_name}", "BlankPrompt")
    found |= _of_a_tool(reader, fields, path) if role == "tool" else {}
    if role == "assistant":
        found |= _reasoning(reader, fields, path)
        found |= {"weight": 0} if _is_masked(reader, fields, path) else {}
    elif calls:
        raise reader.error(f"{path}.tool_calls: only an assistant turn can call tools", "correct the role")
    return found


def _content(reader: FieldReader, fields: dict[str, object], path: str, name: str, may_lack: bool) -> str:
    """Return the text; the text parts of a list are joined. A turn that calls tools may have none."""
    value = fields.get("content")
    if value is None and may_lack:
        return ""
    if not isinstance(value, list):
        return reader.unicode(_text(reader, fields, "content", path, name), f"{path}.{name}")
    texts: list[str] = []
    for at, part in enumerate(cast("list[object]", value)):
        found = cast("dict[str, object]", part) if isinstance(part, dict) else {}
        text = found.get("text")
        if found.get("type", "text") != "text" or not isinstance(text, str):
            raise reader.error(
                f"{path}.{name}[{at}] must be a part {{type: text, text}}; only texts are supported",
                "remove other parts",
            )
        texts.append(reader.unicode(text, f"{path}.{name}[{at}].text"))
    return "".join(texts)


def _text(reader: FieldReader, fields: dict[str, object], field: str, path: str, name: str) -> str:
    value = fields.get(field)
    if isinstance(value, str):
        return value
    kind = "missing" if value is None else type_name(value)
    raise reader.error(f'message {path} must have text in "{name}", which is {kind}')


def _of_a_tool(reader: FieldReader, fields: dict[str, object], path: str) -> Message:
    """Return the fields that say which call a tool answers."""
    names = [name for name in ("tool_call_id", "name") if name in fields]
    return {name: reader.as_text(fields[name], f"{path}.{name}") for name in names}


def _reasoning(reader: FieldReader, fields: dict[str, object], path: str) -> Message:
    name = next((name for name in REASONING if fields.get(name)), None)
    return {} if name is None else {REASONING[0]: reader.as_text(fields[name], f"{path}.{name}")}


def _is_masked(reader: FieldReader, fields: dict[str, object], path: str) -> bool:
    """Whether the turn is not learned: `weight: 0`, as in OpenAI's API, or `train: false`."""
    weight, train = fields.get("weight", 1), fields.get("train", True)
    if isinstance(weight, bool) or weight not in (0, 1):
        raise reader.error(f"{path}.weight must be 0 or 1", "0 leaves the turn out of the loss")
    if not isinstance(train, bool):
        raise reader.error(f"{path}.train must be true or false, not {type_name(train)}")
    return weight == 0 or not train
