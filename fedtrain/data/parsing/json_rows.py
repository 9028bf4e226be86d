"""JSON lines and JSON arrays. Errors contain no word of the file."""

import json
import re
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import IO, cast

from fedtrain.data.errors import DataError
from fedtrain.data.json_limits import check_depth, unreadable
from fedtrain.data.parsing.json_errors import array, continues, csv, invalid, is_csv, is_of_whole_file, unfinished
from fedtrain.data.parsing.parsed import OnFault, Parsed, RepeatedNames, raising
from fedtrain.data.parsing.text_files import UTF8_BOM, decoded, numbered_lines

_BLANKS = re.compile(r"[ \t\r\n]*")


def json_lines(content: IO[bytes], name: str, fault: OnFault = raising) -> Iterator[Parsed]:
    """Yield the rows of a file with one JSON value per line. Blank lines are skipped. Raises DataError."""
    repeated = RepeatedNames()
    decode = json.JSONDecoder(object_pairs_hook=repeated).decode
    for number, numbered in numbered_lines(content, name):
        line = numbered.removeprefix(UTF8_BOM)  # files that were joined
        if line.strip():
            where = f"{name}:{number}"
            try:
                value = _value(decode, line, name, number)
            except DataError as error:
                if number == 1 and is_of_whole_file(error.__cause__):
                    raise
                fault(error)
                continue
            if number == 1 and _is_rows(value):
                raise array(name)
            yield Parsed(where, number, value, line, repeated.taken())


def _is_rows(value: object) -> bool:
    rows = cast("list[object]", value) if isinstance(value, list) else []
    return bool(rows) and all(isinstance(row, dict) for row in rows)


def _value(decode: Callable[[str], object], line: bytes, name: str, number: int) -> object:
    """Return the value of a line. Raises DataError."""
    where = f"{name}:{number}"
    text = decoded(line, where).rstrip()
    try:
        value = decode(text)
    except json.JSONDecodeError as error:
        if number == 1 and is_csv(text):
            raise csv(name) from error
        found = unfinished(name, text) if number == 1 and continues(error) else invalid(name, number, error, 0)
        raise found from error
    except (ValueError, RecursionError) as error:
        raise unreadable(where, error) from error
    check_depth(value, line.count(b"[") + line.count(b"{"), where)
    return value


def json_file(content: BufferedReader, name: str, fault: OnFault = raising) -> Iterator[Parsed]:
    """Yield the rows of a `.json` file: an array of rows, or one row per line. Raises DataError."""
    if not content.peek(4096).removeprefix(UTF8_BOM).lstrip().startswith(b"["):
        yield from json_lines(content, name, fault)
        return
    yield from _array(
        "".join(decoded(line, f"{name}:{number}") for number, line in numbered_lines(content, name)).rstrip(), name
    )


def _array(text: str, name: str) -> Iterator[Parsed]:
    repeated = RepeatedNames()
    decode = json.JSONDecoder(object_pairs_hook=repeated).raw_decode
    at, line, counted = _after_blanks(text, _after_blanks(text, 0) + 1), 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        where = f"{name}:{line}"
        if at == len(text):
            raise _unclosed(where)
        try:
            value, end = decode(text, at)
        except json.JSONDecodeError as error:
            if continues(error):
                raise DataError(
                    f"{where}: not valid JSON: the file ends inside this row", "copy the file again"
                ) from error
            raise invalid(name, 1, error, at) from error
        except (ValueError, RecursionError) as error:
            raise unreadable(where, error) from error
        check_depth(value, text.count("[", at, end) + text.count("{", at, end), where)
        yield Parsed(where, line, value, None, repeated.taken())
        at = _after_blanks(text, end)
        if text[at : at + 1] == ",":
            comma, at = at, _after_blanks(text, at + 1)
            if text[at : at + 1] == "]":
                place = f"{line + text.count(chr(10), counted, comma)}:{comma - text.rfind(chr(10), 0, comma)}"
                raise DataError(
                    f"{name}:{place}: not valid JSON: a comma precedes the closing bracket", "remove the comma"
                )
        elif at == len(text):
            raise _unclosed(where)
        elif text[at] != "]":
            raise DataError(f"{where}: a comma is missing after this row", "separate rows with commas")
    if _after_blanks(text, at + 1) < len(text):
        raise DataError(f"{name}: text follows the array", "write one array of rows")


def _unclosed(where: str) -> DataError:
    return DataError(f"{where}: the array has no closing bracket", "add ] at the end, or copy the file again")


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match is not None else at
