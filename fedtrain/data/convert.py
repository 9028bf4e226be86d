"""Writes the rows of data sets as JSON lines, as they are or in another format."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from blake3 import blake3

from fedtrain.api.data import FORMAT_FIELDS, Fields, Format
from fedtrain.data.errors import DataError, not_an_object
from fedtrain.data.formats import RowChecker, format_of
from fedtrain.data.formats.instruction import as_conversation, as_prompt
from fedtrain.data.parsing import Parsed, parse_each
from fedtrain.data.parsing.text_files import UTF8
from fedtrain.data.reader import local
from fedtrain.data.row import Row, Warnings, count_warning

Target = Literal["Messages", "PromptCompletion"]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """How rows are rewritten. Without `target` they keep all of their fields. `fields`: names in the source.
    `separator`: text between prompt and completion; blanks at its end begin the completion."""

    target: Target | None = None
    fields: Fields | None = None
    encoding: str = UTF8
    separator: str = ""
    skip_invalid: bool = False
    drop_repeated: bool = False


@dataclass(kw_only=True)
class Converted:
    """What became of the rows."""

    rows: int = 0
    repeated: int = 0
    invalid: list[DataError] = field(default_factory=list[DataError])
    warnings: Warnings = field(default_factory=Warnings)


class InvalidRows(Exception):
    """Rows that cannot be converted; all of them are in `errors`."""

    def __init__(self, errors: Sequence[DataError]) -> None:
        super().__init__("; ".join(map(str, errors[:1])))
        self.errors = tuple(errors)


def convert(sources: Sequence[str], out: Path, how: Conversion) -> Converted:
    """Write the rows of all sources, in order, to the new file `out`. Nothing is left of a file that cannot be written
    whole. Raises InvalidRows, DataError, StoreError, OSError."""
    found = Converted()
    seen = set[bytes]()
    try:
        with out.open("x", encoding="utf-8", newline="\n") as lines:
            for line in _lines(sources, how, found):
                if how.drop_repeated:
                    digest = blake3(line.encode()).digest(length=16)
                    if digest in seen:
                        found.repeated += 1
                        continue
                    seen.add(digest)
                lines.write(f"{line}\n")
                found.rows += 1
        if found.invalid and not found.rows + found.repeated:
            raise found.invalid[0]
        if found.invalid and not how.skip_invalid:
            raise InvalidRows(found.invalid)
        if not found.rows:
            raise DataError(f"{', '.join(sources)}: there are no rows", "name data with at least one row")
    except FileExistsError:
        raise
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return found


def _lines(sources: Sequence[str], how: Conversion, found: Converted) -> Iterator[str]:
    for source in sources:
        for rows in parse_each(local(source), source, fault=found.invalid.append, encoding=how.encoding):
            for parsed in rows:
                try:
                    yield parsed.line() if how.target is None else _converted(parsed, how.target, how, found)
                except DataError as error:
                    found.invalid.append(error)


def _converted(parsed: Parsed, target: Target, how: Conversion, found: Converted) -> str:
    row_format = _format(parsed, how.fields)
    row = RowChecker(row_format, how.fields).check(parsed.value, parsed.where, parsed.repeated)
    fields = _in_format(row, target)
    if isinstance(fields.get("prompt"), str) and how.separator:
        bare = how.separator.rstrip(" ")
        fields["prompt"] += bare
        fields["completion"] = how.separator[len(bare) :] + fields["completion"]
    for warning in row.warnings:
        if not (warning.problem == "JoinedWords" and (how.separator or target != "PromptCompletion")):
            count_warning(found.warnings, warning, row.where)
    return json.dumps({**fields, **_others(parsed, row_format, how.fields, fields)}, ensure_ascii=False, default=str)


def _others(parsed: Parsed, format: Format, names: Fields | None, taken: Collection[str]) -> dict[str, object]:
    """Return the fields that the format does not read, such as the region by which rows are split."""
    renamed = set(names.model_dump(exclude_none=True).values()) if names is not None else set[str]()
    row = cast("dict[str, object]", parsed.value)
    read = {*taken, *renamed, *FORMAT_FIELDS[format]}
    return {name: value for name, value in row.items() if name not in read}


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
    prompt = f"--field prompt={names[0]} " if len(names) > 1 else ""
    completion = names[min(1, len(names) - 1)] if names else "answer"
    return DataError(
        f"{parsed.where}: the row has the {fields} {some}, which {match} no format",
        f"Name each field that differs, such as {prompt}--field completion={completion}.",
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
