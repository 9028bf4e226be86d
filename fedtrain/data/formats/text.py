"""`Text`: {"text": "..."}. Every token is learned."""

from typing import Any

from fedtrain.data.formats.field_reader import FieldReader
from fedtrain.data.formats.row_format import RowFormat


def _read(reader: FieldReader) -> dict[str, Any]:
    return {"text": reader.answer("text")}


TEXT = RowFormat("Text", "{text}", _read)
