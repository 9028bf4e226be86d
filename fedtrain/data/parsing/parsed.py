"""A row of a file before validation."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fedtrain.data.errors import DataError


@dataclass(frozen=True, slots=True)
class Parsed:
    """One row before validation. `number` counts lines (of a table: rows) from 1. `where`: file and number, for
    messages. `raw`: the row as written in JSON lines, else None. `repeated`: names that an object of the row has
    twice. `is_cells`: whether the row is of a table, such as CSV, so that its fields are columns."""

    where: str
    number: int
    value: object
    raw: bytes | None = None
    repeated: tuple[str, ...] = ()
    is_cells: bool = False

    def line(self) -> str:
        """Return the row as one line of JSON: as written in JSON lines, else encoded. Values without a JSON form
        (dates, bytes) become text."""
        return self.raw.decode().strip() if self.raw is not None else json_line(self.value)


def json_line(value: object) -> str:
    """Return one line of JSON. Values without a JSON form (dates, bytes) become text. Halves of surrogate pairs, which
    UTF-8 cannot hold, stay escapes."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isascii() or _is_unicode(text) else json.dumps(value, default=str)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


OnFault = Callable[[DataError], None]
"""Gets the error of one row; if it returns, reading continues with the next row."""


def raising(error: DataError) -> None:
    """Stop at the first error."""
    raise error


@dataclass(slots=True)
class RepeatedNames:
    """An `object_pairs_hook` of `json` that collects names which an object has twice."""

    names: list[str] = field(default_factory=list[str])

    def __call__(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.names.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return found

    def taken(self) -> tuple[str, ...]:
        """Return the names since the last call."""
        names = tuple(self.names)
        self.names.clear()
        return names
