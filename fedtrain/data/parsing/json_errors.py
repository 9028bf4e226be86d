"""Syntax errors of JSON: the place and what the parser expected, but no text of the file."""

import json
import re
from pathlib import PurePath

from fedtrain.api.data_files import GZIP, is_gzip
from fedtrain.data.errors import DataError
from fedtrain.data.parsing.csv_rows import DELIMITERS
from fedtrain.data.parsing.other_files import rename

_PROBLEMS = {
    # start of the parser's message   problem, fix
    "Expecting ':'": ("expected ':'", "write a colon after the field's name"),
    "Expecting value": ("expected a value", "write text in double quotes, a number, `true`, `false` or `null` here"),
    "Expecting property name": ("expected a field name in double quotes", "write names and texts in double quotes"),
    "Unterminated string": ("a string is not closed", "close it with a double quote, and write line breaks as `\\n`"),
    "Invalid control character": (
        "a string contains a control character",
        "write line breaks as `\\n` and tabs as `\\t`",
    ),
    "Invalid \\": ("invalid escape in a string", "write a backslash as `\\\\`"),
    "Extra data": ("text follows the end of the row", "write one object per line, and nothing after it"),
}
_OF_PYTHON = re.compile(r"'|(?:None|True|False|nan)\b")
"""Names and values as Python prints them."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COLUMN = re.compile(r'"?[^\W\d][\w .-]*"?')
"""The name of a column of a CSV file."""
_TRAILING_COMMA = re.compile(r",[ \t\r\n]*$")


def invalid(name: str, line: int, error: json.JSONDecodeError, start: int) -> DataError:
    """Return the error, with line and column. `line`: of the beginning of the text; `start`: index of the row in the
    text. The parser's message is not repeated, because it may quote a character of the row."""
    text = error.doc
    comma = _TRAILING_COMMA.search(text, start, error.pos) if text[error.pos : error.pos + 1] in ("}", "]") else None
    if comma is not None:
        problem, fix, at = "a comma precedes the closing bracket", "remove the comma", comma.start()
    elif error.msg.startswith("Expecting") and _OF_PYTHON.match(text, error.pos):
        problem, fix, at = "this is a Python dict", "write each row with `json.dumps(row)`, not `str(row)`", error.pos
    elif error.pos == start and text.startswith(("#", "//"), start):
        problem, fix, at = "a comment, which JSON does not have", "delete this line", error.pos
    elif error.msg.startswith(("Expecting", "Extra")) and not text[error.pos : error.pos + 1].isprintable():
        problem, fix, at = "an invisible character", "delete it", error.pos
    elif error.msg.startswith("Expecting value") and error.pos == start:
        problem, fix, at = "the row is not a JSON object", "write each row as an object in braces", error.pos
    elif error.msg.startswith("Extra") and text[error.pos] == ",":
        problem, fix, at = "a comma follows the row", "remove it: JSON Lines have no comma between rows", error.pos
    elif error.msg.startswith("Extra") and text[error.pos] == "{":
        problem, fix, at = "a second row follows on the same line", "put it on a line of its own", error.pos
    elif error.msg.startswith("Expecting ','"):
        bracket, at = _closing_bracket(text[start : error.pos]), error.pos
        problem = f"expected ',' or '{bracket}'"
        fix = f"add a comma or `{bracket}` here, or `\\` before a quote in a text"
    else:
        found = next((texts for said, texts in _PROBLEMS.items() if error.msg.startswith(said)), None)
        problem, fix = found or ("", "correct this line")
        at = error.pos
    number, column = line + text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1) + 1
    return DataError(f"{name}:{number}:{column}: not valid JSON{f': {problem}' if problem else ''}", fix)


def unfinished(name: str, line: str) -> DataError:
    """Return the error of a file whose first line ends before its value does."""
    if line == "[":
        return DataError(f"{name}:1: one JSON array over several lines, but the name says JSON Lines", _as_json(name))
    return DataError(
        f"{name}:1: not valid JSON: the row does not end on this line",
        "write one object per line, or one array of objects to a file whose name ends in .json",
    )


def array(name: str) -> DataError:
    """Return the error of a file whose first line is an array of rows."""
    return DataError(f"{name}:1: one JSON array, but the name says JSON Lines", _as_json(name))


def _as_json(name: str) -> str:
    return rename(f"{PurePath(name).name.split('.')[0]}.json{GZIP if is_gzip(name) else ''}")


def is_csv(text: str) -> bool:
    """Whether a first line that is not JSON looks like the header of a CSV file."""
    delimiter = next((one for one in DELIMITERS if one in text), None)
    return delimiter is not None and all(_COLUMN.fullmatch(cell.strip()) for cell in text.split(delimiter))


def csv(name: str) -> DataError:
    """Return the error of a CSV file whose name promises JSON."""
    new = f"{name.rpartition('/')[2].split('.')[0]}.csv"
    return DataError(f"{name}: a CSV file, but the name says JSON Lines", rename(new))


def continues(error: BaseException | None) -> bool:
    """Whether the error is that a line ends before its value does."""
    return isinstance(error, json.JSONDecodeError) and error.pos == len(error.doc) and "\n" not in error.doc


def is_of_whole_file(error: BaseException | None) -> bool:
    """Whether an error of the first line is one of every line: of indented JSON or of CSV."""
    return continues(error) or (isinstance(error, json.JSONDecodeError) and is_csv(error.doc))


def _closing_bracket(text: str) -> str:
    """Return the bracket that closes the innermost open list or object."""
    open_brackets: list[str] = []
    for bracket in re.findall(r"[][{}]", _STRING.sub("", text)):
        if bracket in "{[":
            open_brackets.append("}" if bracket == "{" else "]")
        elif open_brackets:
            open_brackets.pop()
    return open_brackets[-1] if open_brackets else "}"
