"""Writes the rows of data sets as JSON lines, as they are or in another format."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from fedtrain.api.data import Fields, Format
from fedtrain.data.errors import DataError, not_an_object
from fedtrain.data.formats import RowChecker, format_of
from fedtrain.data.formats.instruction import as_conversation, as_prompt
from fedtrain.data.parsing import Parsed, parse_all
from fedtrain.data.reader import local
from fedtrain.data.row import Row

Target = Literal["Messages", "PromptCompletion"]


def convert(sources: Sequence[str], out: Path, target: Target | None = None, *, fields: Fields | None = None) -> int:
    """Write the rows of all sources, in order, to the new file `out`; return their number. Without `target` rows keep
    all of their fields. Nothing is left of a file that cannot be written whole. Raises DataError, StoreError,
    OSError."""
    count = 0
    try:
        with out.open("x", encoding="utf-8", newline="\n") as lines:
            for line in _lines(sources, target, fields):
                lines.write(f"{line}\n")
                count += 1
        if not count:
            raise DataError(f"{', '.join(sources)}: there are no rows", "name data with at least one row")
    except FileExistsError:
        raise
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return count


def _lines(sources: Sequence[str], target: Target | None, fields: Fields | None) -> Iterator[str]:
    for source in sources:
        for parsed in parse_all(local(source), source):
            yield parsed.line() if target is None else _converted(parsed, target, fields)


def _converted(parsed: Parsed, target: Target, fields: Fields | None) -> str:
    row = RowChecker(_format(parsed, fields), fields).check(parsed.value, parsed.where)
    return json.dumps(_in_format(row, target), ensure_ascii=False)


def _format(parsed: Parsed, fields: Fields | None) -> Format:
    """Return the format of the row. Raises DataError."""
    names = fields.model_dump(exclude_none=True) if fields is not None else {}
    found = None
    value = parsed.value
    if isinstance(value, dict):
        row = cast("dict[str, object]", value)
        renamed: dict[str, object] = {field: row[name] for field, name in names.items() if name in row}
        found = format_of({**row, **renamed})
    if found is None:
        raise _no_format(parsed)
    return found


def _no_format(parsed: Parsed) -> DataError:
    value = parsed.value
    if not isinstance(value, dict):
        return not_an_object(parsed.where, value)
    row = cast("dict[str, object]", value)
    names = list(row)
    if len(row) == 1 and isinstance(row[names[0]], list):
        return DataError(f'{parsed.where}: the rows are inside "{names[0]}"', "Write only this list to the file.")
    some = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    fields, match = ("field", "matches") if len(names) == 1 else ("fields", "match")
    return DataError(
        f"{parsed.where}: the row has the {fields} {some}, which {match} no format",
        f"Name each field that differs, such as --field completion={names[-1] if names else 'answer'}.",
    )


def _in_format(row: Row, target: Target) -> dict[str, Any]:
    """Return the fields of `row` in the target format. Raises DataError."""
    if "instruction" in row.fields:
        return (as_conversation if target == "Messages" else as_prompt)(row).fields
    if target == "Messages" and "prompt" in row.fields:
        prompt, completion = row.fields["prompt"], row.fields["completion"]
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
        return {"messages": messages, **{name: value for name, value in row.fields.items() if name == "choices"}}
    if ("messages" if target == "Messages" else "prompt") in row.fields:
        return row.fields
    if "messages" in row.fields:
        raise DataError(f"{row.where}: a conversation cannot be written as {target}", "Use --to Messages.")
    raise DataError(f"{row.where}: plain text cannot be written as {target}", "Convert only prompts and conversations.")
