"""Writes the rows of data sets as JSON lines, as they are or in another format."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from blake3 import blake3

from fedtrain.api.data import FORMAT_FIELDS, REQUIRED_FIELDS, Fields, Format
from fedtrain.data.absent_names import ONE_FIELD_FIX, absent_names, first_names, one_field
from fedtrain.data.column_options import column_options, longest_first
from fedtrain.data.errors import DataError, OtherColumns, ShareGptTurns, not_an_object
from fedtrain.data.formats import RowChecker, format_of, learned_digest
from fedtrain.data.formats.instruction import as_conversation, as_prompt
from fedtrain.data.label_spellings import LabelSpellings
from fedtrain.data.new_file import new_text_file
from fedtrain.data.parsing import Parsed, parse_each
from fedtrain.data.parsing.parsed import json_line
from fedtrain.data.parsing.text_files import UTF8
from fedtrain.data.reader import local
from fedtrain.data.row import Problem, Row, Warnings, count_warning, row_digest
from fedtrain.plurals import several

Target = Literal["Messages", "PromptCompletion"]
BLANK: tuple[Problem, ...] = ("BlankPrompt", "BlankAnswer")


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """How rows are rewritten. Without `target` they keep all of their fields. `fields`: names in the source.
    `separator`: text between prompt and completion; blanks at its end begin the completion. `skip_invalid` leaves out
    rows that do not fit, and rows whose prompt or answer is blank. `drop_repeated` compares the fields that the format
    reads; all fields if the row has no known format and `fields` is not set."""

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
    separated: int = 0
    """Rows that have the separator already."""
    blank: list[str] = field(default_factory=list[str])
    """Places of the rows that were left out because their prompt or answer has only blanks."""
    invalid: list[DataError] = field(default_factory=list[DataError])
    warnings: Warnings = field(default_factory=Warnings)
    spellings: LabelSpellings = field(default_factory=LabelSpellings)


class InvalidRows(Exception):
    """Rows that cannot be converted; all of them are in `errors`."""

    def __init__(self, errors: Sequence[DataError]) -> None:
        super().__init__("; ".join(map(str, errors[:1])))
        self.errors = tuple(errors)


def convert(sources: Sequence[str], out: Path, how: Conversion) -> Converted:
    """Write the rows of all sources, in order, to the new file `out`, which appears once it is whole. A source may be
    the folder of `out`. Raises InvalidRows, DataError, StoreError, OSError."""
    found = Converted()
    seen = set[bytes | None]()
    with new_text_file(out) as lines:
        for line, digest in _lines(sources, how, found):
            if digest in seen:
                found.repeated += 1
                continue
            if digest is not None:
                seen.add(digest)
            lines.write(f"{line}\n")
            found.rows += 1
        if found.invalid and not found.rows + found.repeated:
            raise _all_invalid(found) if how.skip_invalid else found.invalid[0]
        if found.invalid and not how.skip_invalid:
            raise InvalidRows(found.invalid)
        if how.separator and found.separated and found.separated == found.rows + found.repeated:
            raise _separated_already(found.separated, how.separator)
        if not found.rows and found.blank:
            blank = "a blank prompt or answer"
            rows = _all_rows(len(found.blank), f"have {blank}", f"has {blank}")
            raise DataError(f"{rows} (first: {found.blank[0]})", "name data with at least one other row")
        if not found.rows:
            raise DataError(f"{', '.join(sources)}: there are no rows", "name data with at least one row")
    return found


def _all_invalid(found: Converted) -> DataError:
    """The error of data from which `skip_invalid` would leave nothing. If most rows have other columns, the options are
    to be corrected, not a row."""
    first, count = found.invalid[0], len(found.invalid) + len(found.blank)
    others = [error for error in found.invalid if isinstance(error, OtherColumns)]
    if 2 * len(others) > count:
        return others[0]
    blank = " or have a blank prompt or answer" if found.blank else ""
    fix = f". {first.fix[:1].upper()}{first.fix[1:]}".rstrip(".") if first.fix else ""
    return DataError(
        f"{_all_rows(count, f'are invalid{blank}', 'is invalid')}, so --skip-invalid leaves none "
        f"(first: {first.problem})",
        f"correct at least one row{fix}",
    )


def _all_rows(count: int, are: str, one: str) -> str:
    """The start of a sentence about all rows: `all 2 rows are invalid`, `the only row is invalid`."""
    return f"the only row {one}" if count == 1 else f"all {several(count, 'row')} {are}"


def _separated_already(rows: int, separator: str) -> DataError:
    whose = _all_rows(rows, "have", "has")
    return DataError(
        f"{whose} {json.dumps(separator, ensure_ascii=False)} between prompt and completion already, and --separator "
        "would add another one",
        "leave out --separator",
    )


def _has_separator(prompt: str, completion: str, separator: str) -> bool:
    """Whether the texts have the separator where it would be added. Blanks may be on either side."""
    if bare := separator.rstrip(" "):
        return prompt.rstrip(" ").endswith(bare)
    return prompt.endswith(" ") or completion.startswith(" ")


def _lines(sources: Sequence[str], how: Conversion, found: Converted) -> Iterator[tuple[str, bytes | None]]:
    """Yield each line and the digest of the fields that its format reads; None if repeated rows are kept."""
    for source in sources:
        for rows in parse_each(local(source), source, fault=found.invalid.append, name=source, encoding=how.encoding):
            for parsed in rows:
                try:
                    if how.target is None:
                        yield parsed.line(), _digest(parsed, how.fields) if how.drop_repeated else None
                    elif line := _converted(parsed, how.target, how, found):
                        yield line
                except DataError as error:
                    found.invalid.append(error)


def _digest(parsed: Parsed, fields: Fields | None) -> bytes:
    """Return the digest of the fields that make a row a repeated one. Raises DataError if `fields` does not fit it:
    other fields would be compared, and rows that differ would be lost."""
    value = parsed.value
    row = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if fields is None:
        row_format = format_of(row)
        return (
            blake3(parsed.line().encode()).digest(length=16) if row_format is None else learned_digest(row, row_format)
        )
    names = fields.model_dump(exclude_none=True)
    row_format = _format(parsed, fields)
    if not names.keys() <= set(FORMAT_FIELDS[row_format]):
        raise _no_format(parsed, names)
    return learned_digest(row, row_format, fields)


def _converted(parsed: Parsed, target: Target, how: Conversion, found: Converted) -> tuple[str, bytes | None] | None:
    """Return the line in the target format, and its digest as `_lines`; None for a blank row that is left out."""
    row_format = _format(parsed, how.fields)
    if row_format == "Text":
        raise _plain_text(parsed, target, how.fields)
    if parsed.is_cells:
        parsed = _with_texts(parsed, row_format, how.fields)
    try:
        row = RowChecker(row_format, how.fields).check(
            parsed.value, parsed.where, parsed.repeated, is_cells=parsed.is_cells
        )
    except ShareGptTurns as error:
        raise DataError(
            error.problem, f"Name the field that has them: `--field conversations={error.column}`."
        ) from error
    if how.skip_invalid and any(warning.problem in BLANK for warning in row.warnings):
        found.blank.append(row.where)
        return None
    found.spellings.add(row)
    fields = _in_format(row, target)
    if isinstance(fields.get("prompt"), str) and how.separator:
        found.separated += _has_separator(fields["prompt"], fields["completion"], how.separator)
        fields = _separated(fields, how.separator)
    for warning in row.warnings:
        if not (warning.problem == "JoinedWords" and (how.separator or target != "PromptCompletion")):
            count_warning(found.warnings, warning, row.where)
    others = _others(parsed, row_format, how.fields, fields)
    return json_line({**fields, **others}), row_digest(fields) if how.drop_repeated else None


def _separated(fields: Mapping[str, Any], separator: str) -> dict[str, Any]:
    """Return a pair of texts with the separator. Choices are answers: they begin as the completion does."""
    bare = separator.rstrip(" ")
    blanks = separator[len(bare) :]
    made = {**fields, "prompt": fields["prompt"] + bare, "completion": blanks + fields["completion"]}
    return {**made, "choices": [blanks + one for one in fields["choices"]]} if "choices" in fields else made


def _with_texts(parsed: Parsed, format: Format, names: Fields | None) -> Parsed:
    """Return the row with numbers as texts in the columns that the format reads, such as the number of a label."""
    named = names.model_dump(exclude_none=True) if names is not None else {}
    read = {named.get(field, field) for field in FORMAT_FIELDS[format]}
    row = cast("dict[str, object]", parsed.value)
    return replace(parsed, value={name: _text(value) if name in read else value for name, value in row.items()})


def _text(value: object) -> object:
    """A whole number is a float where the column also has missing values. NaN stands for a missing text."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return str(value) if is_number else value


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
        named = format_of(renamed)  # turns of ShareGPT in the field `messages`
        found = named if named is not None else format_of({**row, **renamed})
        absent = {field: name for field, name in names.items() if name not in row}
        needed = REQUIRED_FIELDS[found] if found not in (None, "Text") else absent  # `text` makes any table plain text
        if missing := {field: name for field, name in absent.items() if field in needed}:
            raise absent_names(parsed, missing, list(row))
    if found is None:
        raise _no_format(parsed, names)
    return found


def _no_format(parsed: Parsed, named: Mapping[str, str]) -> DataError:
    value = parsed.value
    if not isinstance(value, dict):
        return not_an_object(parsed.where, value)
    row = cast("dict[str, object]", value)
    names = list(row)
    if len(row) == 1 and isinstance(row[names[0]], list):
        return DataError(f'{parsed.where}: the rows are inside "{names[0]}"', "Write only this list to the file.")
    if len(row) == 1 and not named:
        return OtherColumns(f"{parsed.where}: {one_field(names[0])}", ONE_FIELD_FIX)
    some = first_names(names)
    fields, match = ("field", "matches") if len(names) == 1 else ("fields", "match")
    header = " The first line of a table must be its header." if parsed.is_cells else ""
    return OtherColumns(
        f"{parsed.where}: the row has the {fields} {some}, which {match} no format",
        f"Name each field that differs, such as `{column_options(named, longest_first(row))}`.{header}",
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
    raise DataError(
        f"{row.where}: {_beyond_a_pair(row)}, which a {target} row cannot have",
        "Use this file as it is, with `data.format: Messages`, or `--to Messages` if other rows have another format.",
    )


def _beyond_a_pair(row: Row) -> str:
    """Return what a conversation has that a prompt and its completion do not."""
    roles = [one["role"] for one in row.fields["messages"]]
    if "tools" in row.fields or "tool" in roles:
        return "the conversation has tools"
    if (answers := roles.count("assistant")) > 1:
        return f"the conversation has {answers} answers"
    return "the conversation has a system message" if "system" in roles else "the conversation has roles"


def _plain_text(parsed: Parsed, target: Target, fields: Fields | None) -> DataError:
    """The error of a row with `text`, which is half of a pair if the row has other columns."""
    names = list(cast("dict[str, object]", parsed.value))
    fix = "Convert only prompts and conversations."
    if len(names) > 1:
        named = fields.model_dump(exclude_none=True) if fields is not None else {}
        fix = f"If other {'columns' if parsed.is_cells else 'fields'} have the answers, name both, such as "
        fix += f"`{column_options(named, names)}`."
    return OtherColumns(f"{parsed.where}: plain text cannot be written as {target}", fix)
