"""The interface of a row format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedtrain.api.data import REQUIRED_FIELDS, Format
from fedtrain.data.formats.field_reader import FieldReader


@dataclass(frozen=True)
class RowFormat:
    """`needs`: the shape of a row, for messages. `read` returns the fields of a `Row` without `choices`; it raises
    DataError."""

    name: Format
    needs: str
    read: Callable[[FieldReader], dict[str, Any]]

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that every row has."""
        return REQUIRED_FIELDS[self.name]
