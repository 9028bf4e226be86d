"""`Messages`: {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}.

Optionally with `tools`, the definitions of the functions that the assistant may call.
"""

from typing import Any

from fedtrain.data.formats.field_reader import FieldReader
from fedtrain.data.formats.message_checks import finished, messages_of
from fedtrain.data.formats.row_format import RowFormat
from fedtrain.data.formats.tools import tools_of


def _read(reader: FieldReader) -> dict[str, Any]:
    name = reader.name("messages")
    messages = messages_of(reader, reader.required("messages"), name)
    return {"messages": finished(reader, messages, name), **tools_of(reader)}


MESSAGES = RowFormat("Messages", "{messages: [{role, content}, ...]}", _read)
