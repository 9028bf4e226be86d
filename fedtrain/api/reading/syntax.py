"""A YAML parser's complaints in plain words."""

from typing import Any, NamedTuple


class Flaw(NamedTuple):
    """What is wrong at a line and column (from 1), and what to do."""

    spot: tuple[int, int]
    message: str
    fix: str


_PLAIN = (
    # what the parser says            what it means                                        what to do
    ("character '\\t'", "A tab begins or pads this line.", "YAML indents with spaces."),
    ("mapping values are not allowed", "A second `:` in one value, or a wrong indentation.",
     "Put a value that holds `: ` in quotes, and line fields up with those beside them."),
    ("but got '<stream end>'", "A bracket is open at the end of the file.", "Close it with ] or }."),
    ("unexpected end of stream", "A quote is open at the end of the file.", "Close the quote."),
    ("found undefined alias", "This alias (`*name`) has no anchor (`&name`) before it.",
     "Put a value that begins with * in quotes, or define the anchor."),
    ("expected <block end>", "This line does not fit the lines above it.",
     "Indent it as the fields beside it are, and begin list items, and only those, with `- `."),
    ("could not find expected ':'", "This line has no `:`.", "Write `field: value`."),
    ("expected ',' or", "A comma or a closing bracket is missing before this.", "Write `, ` between items."),
    ("that cannot start any token", "A value can't begin with this character.", "Put the value in quotes."),
)  # fmt: skip


def explain(error: Any, text: str) -> Flaw:
    """Where the parser stopped, and why. `error`: its MarkedYAMLError or ReaderError, which are untyped."""
    if hasattr(error, "position"):
        before: str = text[: error.position]
        spot = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        return Flaw(spot, f"Control character {error.character!r} in the file.", "Remove it.")
    mark = error.problem_mark or error.context_mark
    spot = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = f"{error.problem or error}"
    for said, message, fix in _PLAIN:
        if said in problem:
            opened = error.context_mark if said.endswith(("stream end>'", "of stream")) else None
            if opened is not None:
                message = message.replace("is open", f"that opens on line {opened.line + 1} is open")
            return Flaw(spot, message, fix)
    return Flaw(spot, f"This is not YAML: {problem}.", "")
