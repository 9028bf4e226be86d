"""The rows of one JSONL or Parquet file, and which of fedtrain's formats they are in."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from fedtrain.api.data import Format
from fedtrain.splitting.errors import SplitError

LOOKED_AT = 100
"""Rows that the format is told from."""


@dataclass(frozen=True)
class Row:
    """`line` is the row as one line of JSON, without its end; `number` counts lines (of a table: rows) from 1."""

    number: int
    fields: dict[str, Any]
    line: str


def read_rows(path: Path) -> list[Row]:
    """All rows, in order; blank lines are left out. Raises SplitError naming file and line."""
    if not path.is_file():
        raise SplitError(f"{path}: there is no such file", "name one JSONL or Parquet file")
    if path.suffix == ".parquet":
        rows = _parquet(path)
    elif path.suffix in (".jsonl", ".ndjson"):
        rows = _jsonl(path)
    else:
        raise SplitError(f"{path}: unknown kind of file", "name one .jsonl, .ndjson or .parquet file")
    if not rows:
        raise SplitError(f"{path}: there are no rows")
    return rows


def format_of(rows: list[Row], path: Path) -> Format:
    """The format that all of the first rows are in. Raises SplitError naming the fields that there are."""
    for name, fits in _FITS:
        if all(fits(row.fields) for row in rows[:LOOKED_AT]):
            return name
    odd = next((row for row in rows[:LOOKED_AT] if not any(fits(row.fields) for _, fits in _FITS)), rows[0])
    raise SplitError(
        f"{path}:{odd.number}: the row's format is none that fedtrain trains on; it has {_named(odd.fields)}",
        "give every row the same: messages [{role, content}], prompt and completion, or text",
    )


def values_of(field: str, option: str, rows: list[Row], path: Path) -> list[str]:
    """The field's value in each row as text. Raises SplitError when it is missing, naming those that there are."""
    if not any(field in row.fields for row in rows):
        raise SplitError(f"{option} {field}: no row of {path} has this field; rows have {_named(rows[0].fields)}")
    values: list[str] = []
    for row in rows:
        value = row.fields.get(field)
        if value is None:
            raise SplitError(
                f"{option} {field}: {path}:{row.number} has no such field; it has {_named(row.fields)}",
                f"give every row a {field}, or leave these rows out",
            )
        values.append(value if isinstance(value, str) else _encode(value))
    return values


def _jsonl(path: Path) -> list[Row]:
    rows: list[Row] = []
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            if not raw.strip():
                continue
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                found = json.loads(line)
            except UnicodeDecodeError as error:
                message = f"{path}:{number}: not UTF-8 (byte {error.start} of the line)"
                raise SplitError(message, "save the file as UTF-8") from error
            except ValueError as error:
                raise SplitError(f"{path}:{number}: not JSON: {error}", "write one object a line") from error
            if not isinstance(found, dict):
                raise SplitError(f"{path}:{number}: a row must be an object, not {line[:60]}")
            rows.append(Row(number, cast("dict[str, Any]", found), line))
    return rows


def _parquet(path: Path) -> list[Row]:
    try:
        parquet: Any = import_module("pyarrow.parquet")  # takes a while to import, and most data are JSONL
    except ImportError as error:
        raise SplitError(f"{path}: Parquet needs pyarrow", "pip install 'fedtrain[trainer]'") from error
    try:
        found: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except ValueError as error:  # pyarrow's ArrowInvalid is one
        raise SplitError(f"{path}: not a Parquet file: {error}") from error
    present = [{field: value for field, value in row.items() if value is not None} for row in found]
    return [Row(number, fields, _encode(fields)) for number, fields in enumerate(present, start=1)]


def _encode(value: object) -> str:
    """JSON; what JSON has no form for (dates, bytes) as text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _named(fields: dict[str, Any]) -> str:
    return "the fields " + ", ".join(sorted(fields)) if fields else "no fields"


def _messages(fields: dict[str, Any]) -> bool:
    messages = fields.get("messages")
    return isinstance(messages, list) and all(
        isinstance(message, dict) and "role" in message and "content" in message
        for message in cast("list[Any]", messages)
    )


def _prompt_completion(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("prompt"), str) and isinstance(fields.get("completion"), str)


def _text(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("text"), str)


_FITS: tuple[tuple[Format, Callable[[dict[str, Any]], bool]], ...] = (
    ("Messages", _messages),
    ("PromptCompletion", _prompt_completion),
    ("Text", _text),
)
