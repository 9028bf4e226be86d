"""`PromptCompletion`: {"prompt": "...", "completion": "..."}, both as text or as messages.

Texts are joined as they are. If one of them is a list of messages, the row is a conversation: assistant turns of the
prompt are not learned, those of the completion are.
"""

from typing import Any, cast

from fedtrain.data.errors import type_name
from fedtrain.data.formats.field_reader import FieldReader
from fedtrain.data.formats.message_checks import Message, finished, messages_of
from fedtrain.data.formats.row_format import RowFormat
from fedtrain.data.formats.tools import tools_of


def _read(reader: FieldReader) -> dict[str, Any]:
    prompt, completion = reader.required("prompt"), reader.required("completion")
    if not any(isinstance(part, list) for part in (prompt, completion)):
        fields = {"prompt": reader.question("prompt"), "completion": reader.answer("completion")}
        if _in_word(fields["prompt"][-1:]) and _in_word(fields["completion"][0]):
            reader.warn(reader.name("prompt"), "JoinedWords")
        return fields
    messages = [
        {**message, "weight": 0} if message["role"] == "assistant" else message
        for message in _part(reader, prompt, "prompt", "user")
    ]
    messages += _part(reader, completion, "completion", "assistant")
    return {"messages": finished(reader, messages, reader.name("completion")), **tools_of(reader)}


def _in_word(character: str) -> bool:
    """Whether words that blanks separate contain the character: a digit, or a letter of a script with upper case."""
    return character.isdigit() or character.lower() != character.upper()


def _part(reader: FieldReader, value: object, field: str, role: str) -> list[Message]:
    name = reader.name(field)
    if isinstance(value, str):
        return [{"role": role, "content": reader.as_text(value, name)}]
    if not isinstance(value, list):
        raise reader.error(f'field "{name}" must be text or a list of {{role, content}}, not {type_name(value)}')
    return messages_of(reader, cast("object", value), name)


PROMPT_COMPLETION = RowFormat("PromptCompletion", "{prompt, completion}", _read)
