"""The error of data that cannot be read or does not fit its format.

Its message leaves the participant, in records and status. So it never contains a value of a row, nor a library's own
message, which may quote one: only the place, the field, the type of the value, and the fix.
"""

import re
from pathlib import Path

from fedtrain.quoting import quoted

_LINE = re.compile(r":(?: row )?[0-9]+$")


class DataError(Exception):
    """Trying again does not help."""

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(f"{problem}; {fix}" if fix else problem)
        self.problem = problem
        self.fix = fix


def convert_command(where: str, options: str, ending: str) -> str:
    """Return the command that converts the file in `where`, a file and a line, into one beside it."""
    file = Path(_LINE.sub("", where))
    made = file.with_name(f"{file.name.split('.')[0]}-{ending}.jsonl")
    return f"fedtrain convert {quoted(file)} {options} -o {quoted(made)}"


class NotUtf8(DataError):
    """A text file has another encoding than was said."""


class MissingField(DataError):
    """A row lacks a field of its format."""


class OtherColumns(DataError):
    """A row has other columns than a conversion needs, as usually all rows of its file."""


class ShareGptTurns(DataError):
    """Field `column` of the row at `where` has the turns of ShareGPT where messages belong."""

    def __init__(self, where: str, path: str, column: str) -> None:
        super().__init__(
            f"{where}: {path} has from and value instead of role and content",
            f"write `format: ShareGPT` and `fields: {{conversations: {column}}}` in spec.data",
        )
        self.where = where
        self.column = column


def type_name(value: object) -> str:
    """Return the JSON type of `value` in words: `a list`, `a number`, `text`."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text" if value else "empty text"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "an object"
        case _:
            return f"a value of type {type(value).__name__}"


def not_an_object(where: str, value: object, fix: str = "write each row as an object") -> DataError:
    """The error of a row that is not an object."""
    return DataError(f"{where}: a row must be an object, not {type_name(value)}", fix)
