"""The rows of the data set to split, and their format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fedtrain.api.data import Format
from fedtrain.api.data_files import SUPPORTED, file_type, without_rows
from fedtrain.data import formats
from fedtrain.data.absent_names import ONE_FIELD_FIX, one_field
from fedtrain.data.errors import DataError, not_an_object
from fedtrain.data.parsing import Parsed, parse
from fedtrain.data.parsing.parsed import json_line
from fedtrain.data.similar_columns import similar
from fedtrain.quoting import quoted
from fedtrain.splitting.errors import SplitError

EXAMINED = 100
"""Rows from which the format is inferred."""


@dataclass(frozen=True)
class Row:
    """`line`: the row as one line of JSON, without its end. `number` counts lines (of a table: rows) from 1."""

    number: int
    fields: dict[str, Any]
    line: str


def read_rows(path: Path) -> list[Row]:
    """Return all rows, in order. Blank lines are skipped. Raises SplitError naming file and line."""
    if path.is_dir():
        rows = quoted(f"{path.name}-rows.jsonl")
        fix = f"write the rows of its files into one, and split that: `fedtrain convert {quoted(path)} -o {rows}`"
        raise SplitError(f"{path}: a folder, and split reads one file", fix)
    if not path.is_file():
        raise SplitError(f"{path}: no such file", f"name one file of type {SUPPORTED}")
    if file_type(path.name) is None:
        if (found := without_rows(path.name)) is not None:
            raise SplitError(f"{path}: {found[0]}", f"{found[1]}, and split the new file")
        raise SplitError(f"{path}: unknown file type", f"name one file of type {SUPPORTED}")
    try:
        rows = [_row(parsed) for parsed in parse(path, str(path))]
    except DataError as error:
        raise SplitError(error.problem, error.fix or None) from error
    if not rows:
        raise SplitError(f"{path}: there are no rows. Name a file with at least one row.")
    return rows


def format_of(rows: list[Row], path: Path) -> Format:
    """Return the format of the first rows. Raises SplitError naming the fields of a row without a known format."""
    examined = rows[:EXAMINED]
    if (found := formats.format_of(*(row.fields for row in examined))) is not None:
        return found
    odd = next((row for row in examined if formats.format_of(row.fields) is None), rows[0])
    names = {name for row in examined for name in row.fields}
    if len(names) == 1 and not isinstance(odd.fields.get(*names), list):
        raise SplitError(f"{path}:{odd.number}: {one_field(*names)}", ONE_FIELD_FIX)
    raise SplitError(
        f"{path}:{odd.number}: unknown row format; the row has {named(odd.fields)}",
        "write the rows with the columns that have the question and the answer, and split that file: "
        f"`fedtrain convert {quoted(path)} -o {quoted(path.name.partition('.')[0] + '-rows.jsonl')} "
        "--to PromptCompletion --field prompt=QUESTION --field completion=ANSWER`",
    )


def values_of(field: str, option: str, rows: list[Row], path: Path) -> list[str]:
    """Return the field's value in each row as text. Raises SplitError naming the row's fields if it is missing."""
    if not any(field in row.fields for row in rows):
        near = similar([field], list(rows[0].fields))
        raise SplitError(
            f"{option} {field}: no row of {path} has this field",
            f"write `{option} {quoted(near)}`" if near else f"rows have {named(rows[0].fields)}",
        )
    values: list[str] = []
    for row in rows:
        value: object = row.fields.get(field)
        if value is None:
            raise SplitError(
                f"{option} {field}: {path}:{row.number} has no such field; it has {named(row.fields)}",
                f"give every row a {field}, or remove these rows",
            )
        values.append(value if isinstance(value, str) else json_line(value))
    return values


def _row(parsed: Parsed) -> Row:
    value = parsed.value
    if not isinstance(value, dict):
        raise not_an_object(parsed.where, value)
    fields = cast("dict[str, Any]", value)
    return Row(parsed.number, fields, parsed.line())


def named(fields: dict[str, Any]) -> str:
    return "the fields " + ", ".join(sorted(fields)) if fields else "no fields"
