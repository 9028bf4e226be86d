"""Errors of the YAML parser in plain words."""

from typing import Any, NamedTuple

from fedtrain.api.paths import Path


class Flaw(NamedTuple):
    """An error at a line and column (from 1). `path` is the field, if known."""

    spot: tuple[int, int]
    message: str
    fix: str
    path: Path = ()


_PLAIN = (
    # text of the parser              message                                              fix
    ("character '\\t'", "This line is indented with a tab.", "Use spaces."),
    ("mapping values are not allowed", "The value contains a second `:`, or the indentation is wrong.",
     "Put values that contain `: ` in quotes, and align the fields of a map."),
    ("'<stream end>'", "A bracket{opened} is open at the end of the file.", "Close it with ] or }."),
    ("unexpected end of stream", "A quote{opened} is open at the end of the file.", "Close the quote."),
    ("found undefined alias", "This alias (`*name`) has no anchor (`&name`) before it.",
     "Put a value that begins with * in quotes, or define the anchor."),
    ("expected '<document start>', but found ('{'", "Not a YAML file.",
     "If it is a data file, name the federation's YAML file instead."),
    ("expected <block end>", "This line does not fit the lines above it.",
     "Align it with the other fields of its map, and begin only list items with `- `."),
    ("could not find expected ':'", "This line has no `:`.", "Write `field: value`."),
    ("expected ',' or", "A bracket{opened} is not closed before this, or a comma is missing.",
     "Close it, or write `, `."),
    ("that cannot start any token", "A value cannot begin with this character.", "Put the value in quotes."),
)  # fmt: skip


_OPENED = ("a flow sequence", "a flow mapping", "a quoted scalar")
"""Contexts of the parser whose first line is worth naming."""


def explain(error: Any, text: str) -> Flaw:
    """Where the parser stopped, and why. `error` is a MarkedYAMLError or ReaderError, which are untyped."""
    if hasattr(error, "position"):
        before: str = text[: error.position]
        spot = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        return Flaw(spot, f"The file contains the control character 0x{ord(text[error.position]):02x}.", "Remove it.")
    mark = error.problem_mark or error.context_mark
    spot = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = f"{error.problem or error}"
    opened = f" that opens on line {error.context_mark.line + 1}" if f"{error.context}".endswith(_OPENED) else ""
    for said, message, fix in _PLAIN:
        if said in problem:
            return Flaw(spot, message.format(opened=opened), fix)
    return not_yaml(spot, problem)


def not_yaml(spot: tuple[int, int], problem: str) -> Flaw:
    """The flaw of a text for which the parser's problem has no plainer words."""
    return Flaw(spot, f"The file is not valid YAML: {problem}.", "Correct this line.")
