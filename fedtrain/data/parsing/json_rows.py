"""JSON lines and JSON arrays. Errors contain no word of the file."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from typing import IO, cast

from fedtrain.data.errors import DataError
from fedtrain.data.parsing.json_errors import continues, invalid
from fedtrain.data.parsing.parsed import OnFault, Parsed, RepeatedNames, raising
from fedtrain.data.parsing.text_files import UTF8_BOM, decoded, numbered_lines

DEPTH = 100
"""Levels of lists and objects in a row. Python's own limit depends on its version."""
_BLANKS = re.compile(r"[ \t\r\n]*")


def json_lines(content: IO[bytes], name: str, fault: OnFault = raising) -> Iterator[Parsed]:
    """Yield the rows of a file with one JSON value per line. Blank lines are skipped. Raises DataError."""
    repeated = RepeatedNames()
    decode = json.JSONDecoder(object_pairs_hook=repeated).decode
    for number, line in numbered_lines(content, name):
        if line.strip():
            where = f"{name}:{number}"
            try:
                value = _value(decode, line, name, number)
            except DataError as error:
                if number == 1 and continues(error.__cause__):  # so does every row of a file with indented JSON
                    raise
                fault(error)
                continue
            yield Parsed(where, number, value, line, repeated.taken())


def _value(decode: Callable[[str], object], line: bytes, name: str, number: int) -> object:
    """Return the value of a line. Raises DataError."""
    where = f"{name}:{number}"
    text = decoded(line, where).rstrip()
    try:
        value = decode(text)
    except json.JSONDecodeError as error:
        raise invalid(name, number, error, 0) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(where, error) from error
    _check_depth(value, line.count(b"[") + line.count(b"{"), where)
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
        try:
            value, end = decode(text, at)
        except json.JSONDecodeError as error:
            raise invalid(name, 1, error, at) from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(where, error) from error
        _check_depth(value, text.count("[", at, end) + text.count("{", at, end), where)
        yield Parsed(where, line, value, None, repeated.taken())
        at = _after_blanks(text, end)
        if text[at : at + 1] == ",":
            comma, at = at, _after_blanks(text, at + 1)
            if text[at : at + 1] == "]":
                place = f"{line + text.count(chr(10), counted, comma)}:{comma - text.rfind(chr(10), 0, comma)}"
                raise DataError(
                    f"{name}:{place}: not valid JSON: a comma precedes the closing bracket", "remove the comma"
                )
        elif text[at : at + 1] != "]":
            problem = "a comma is missing after this row" if at < len(text) else "the array has no closing bracket"
            fix = "separate rows with commas" if at < len(text) else "add ] at the end, or copy the file again"
            raise DataError(f"{where}: {problem}", fix)
    if _after_blanks(text, at + 1) < len(text):
        raise DataError(f"{name}: text follows the array", "write one array of rows")


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match is not None else at


def _unreadable(where: str, error: ValueError | RecursionError) -> DataError:
    """Return the error in words that contain no value."""
    if isinstance(error, RecursionError):
        return _too_deep(where)
    return DataError(f"{where}: a number has too many digits", "write it as text, or remove the field")


def _check_depth(value: object, brackets: int, where: str) -> None:
    if brackets > DEPTH and _depth(value) > DEPTH:
        raise _too_deep(where)


def _too_deep(where: str) -> DataError:
    return DataError(f"{where}: lists or objects are nested too deep", f"use at most {DEPTH} levels")


def _depth(value: object) -> int:
    """Return the levels of lists and objects in a JSON value."""
    levels, inside = 0, [value]
    while any(isinstance(one, dict | list) for one in inside):
        levels, inside = levels + 1, [item for one in inside for item in _items(one)]
    return levels


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
