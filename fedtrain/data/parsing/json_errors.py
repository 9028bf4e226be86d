"""Syntax errors of JSON: the line and what the parser expected, but no text of the file."""

import json
import re

from fedtrain.data.errors import DataError

_PROBLEMS = {
    # start of the parser's message   problem
    "Expecting ':'": "expected ':'",
    "Expecting value": "expected a value",
    "Expecting property name": "expected a field name in double quotes",
    "Illegal trailing comma": "a comma precedes the closing bracket",
    "Unterminated string": "a string is not closed",
    "Invalid control character": "a string contains a control character",
    "Invalid \\": "invalid escape in a string",
    "Extra data": "text follows the value",
}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def invalid(where: str, error: json.JSONDecodeError, start: int) -> DataError:
    """Return the error at `where`. `start`: index of the row in the text. The parser's message is not repeated, because
    it may quote a character of the row."""
    if where.endswith(":1") and continues(error):
        problem = "not valid JSON: the row does not end on this line"
        return DataError(f"{where}: {problem}", "write one object per line, or one array of objects")
    if error.msg.startswith("Expecting ','"):
        problem = f"expected ',' or '{_closing_bracket(error.doc[start : error.pos])}'"
    else:
        problem = next((text for said, text in _PROBLEMS.items() if error.msg.startswith(said)), "")
    return DataError(f"{where}: not valid JSON{f': {problem}' if problem else ''}", "correct this line")


def continues(error: BaseException | None) -> bool:
    """Whether the error is that a line ends before its value does."""
    return isinstance(error, json.JSONDecodeError) and error.pos == len(error.doc) and "\n" not in error.doc


def _closing_bracket(text: str) -> str:
    """Return the bracket that closes the innermost open list or object."""
    open_brackets: list[str] = []
    for bracket in re.findall(r"[][{}]", _STRING.sub("", text)):
        if bracket in "{[":
            open_brackets.append("}" if bracket == "{" else "]")
        elif open_brackets:
            open_brackets.pop()
    return open_brackets[-1] if open_brackets else "}"
