"""Errors of the YAML parser in plain words."""

import re
from typing import Any

from fedtrain.api.reading.flaw import Flaw
from fedtrain.api.reading.unread_text import escape, variable

_CONFLICT = re.compile(r"<{7} |>{7} ")
_PLAIN = (
    # text of the parser              message                                              fix
    ("character '\\t'", "This line is indented with a tab.", "Use spaces."),
    ("mapping values are not allowed", "The value contains a second `:`, or the indentation is wrong.",
     "Put values that contain `: ` in quotes, and align the fields of a map."),
    ("found undefined alias", "This alias (`*name`) has no anchor (`&name`) before it.",
     "Put a value that begins with * in quotes, or define the anchor."),
    ("expected '<document start>', but found ('{'", "Not a YAML file.",
     "If it is a data file, name the federation's YAML file instead."),
    ("expected <block end>", "This line{indented} does not fit the lines above it.",
     "Align it with the other fields of its map, and begin only list items with `- `."),
    ("could not find expected ':'", "This line has no `:`.", "Write `field: value`."),
    ("that cannot start any token", "A value cannot begin with this character.", "Put the value in quotes."),
)  # fmt: skip


_OPENED = ("a flow sequence", "a flow mapping")
"""Contexts of the parser in brackets."""
_NO_SPACE = re.compile(r"( *)(?:- +)*([A-Za-z]\w*):([^\s:/].*?)\s*(?: #.*)?")
"""A line with a field and its value, without a space after the colon."""
_ASSIGNED = re.compile(r" *(?:- +)*([A-Za-z]\w*) *= *([^\s=].*?)\s*(?: [A-Za-z]\w* *= .*| #.*)?")
"""A line with a field, an equals sign and its value. YAML reads several such lines as one value."""
_OTHER_DASH = re.compile(r" *([\u2010-\u2015\u2212\u2022*]) ")
"""A line that begins with a sign which word processors write for the `-` of a list's item."""
_NO_COLON = re.compile(r" *(?:- +)*([A-Za-z]\w*) +([\w./-]+)\s*(?: #.*)?")
"""A line with a field and its value, without a colon."""
_SEPARATOR = re.compile(r"(?:([*=_+~])\1+|--|-{4,})\s*")
"""A line that separates parts of a text, but not the documents of a YAML file."""
_ONLY_NAME = re.compile(r"( *)(?:- +)*([A-Za-z]\w*)\s*(?: #.*)?")
"""A line with a field above its block, without a colon."""
_WITH_VALUE = re.compile(r"( *)(?:- +)*([A-Za-z]\w*): +([^\s#|>&!][^#]*?)\s*(?: #.*)?")
"""A line with a field and its value."""


def explain(error: Any, text: str) -> Flaw:
    """Where the parser stopped, and why. `error` is a MarkedYAMLError or ReaderError, which are untyped."""
    if hasattr(error, "position"):
        before: str = text[: error.position]
        spot = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        return Flaw(spot, f"The file contains the control character 0x{ord(text[error.position]):02x}.", "Remove it.")
    mark = error.problem_mark or error.context_mark
    spot = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = f"{error.problem or error}"
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if _CONFLICT.match(line):
            fix = "Keep one of the two versions, and delete the lines with <<<<<<<, ======= and >>>>>>>."
            return Flaw((number, 1), "Git left a merge conflict in the file.", fix)
    for number in (spot[0], *_previous(spot[0], lines)):
        if (at := _line(number, lines).find("\xa0")) >= 0:
            return Flaw((number, at + 1), "A no-break space is not a space in YAML.", "Replace it with a space.")
        if (found := variable(number, _line(number, lines))) is not None:
            return found
    if "escape" in problem:
        return escape(error, lines)
    if (cause := _cause(problem, spot, lines)) is not None:
        return cause
    if f"{error.context}".endswith("a quoted scalar"):
        at = (error.context_mark.line + 1, error.context_mark.column + 1)
        return Flaw(at, "This quote is not closed.", "Close it at the end of the text.")
    if f"{error.context}".endswith(_OPENED) and any(said in problem for said in ("'<stream end>'", "expected ',' or")):
        return _open_bracket(spot, (error.context_mark.line + 1, error.context_mark.column + 1), lines)
    if "expected <block end>" in problem and (number := _item_above(spot, lines)):
        message = f"This line is indented as the dash on line {number} is, so it is not a field of that item."
        return Flaw(spot, message, f"Indent it by 2 more spaces{_or_no_dash(number, spot, lines)}.")
    for said, message, fix in _PLAIN:
        if said in problem:
            return Flaw(spot, message.format(indented=_indentation(spot, lines)), fix)
    return not_yaml(spot, problem)


_SLASHES = re.compile(r"(?<![^\s,{\[])//")
"""A comment as in JavaScript, and not part of a URL."""


def _open_bracket(spot: tuple[int, int], at: tuple[int, int], lines: list[str]) -> Flaw:
    """The flaw of a bracket that opens `at` a line and column, and is not closed up to `spot`."""
    for number in range(at[0], min(spot[0], len(lines)) + 1):
        if found := _SLASHES.search(_line(number, lines)):
            spot = (number, found.start() + 1)
            return Flaw(
                spot, "`//` does not begin a comment: JSON is read as YAML too.", "Remove the comment, or write `#`."
            )
    opening = _line(at[0], lines)[at[1] - 1 : at[1]]
    closing, whole, parts = ("]", "list", "items") if opening == "[" else ("}", "map", "fields")
    if spot[0] > len(lines):
        return Flaw(at, f"This `{opening}` is never closed.", f"Write `{closing}` at the end of its {whole}.")
    where = f"in column {at[1]}" if at[0] == spot[0] else f"on line {at[0]}, column {at[1]}"
    message = f"The `{opening}` that opens {where} is not closed before this, or a comma is missing."
    return Flaw(spot, message, f"Write `{closing}` at the end of its {whole}, or `, ` between its {parts}.")


def not_yaml(spot: tuple[int, int], problem: str) -> Flaw:
    """The flaw of a text for which the parser's problem has no plainer words."""
    return Flaw(spot, f"The file is not valid YAML: {problem}.", "Correct this line.")


def without_space(value: str) -> str | None:
    """`count: 5` for `count:5`: what to write for a value that is a field without a space after its colon. A text of
    several lines counts by its first."""
    found = _NO_SPACE.fullmatch(value.split(" ", 1)[0])
    return f"{found[2]}: {found[3]}" if found else None


def assigned(value: str) -> str | None:
    """`rank: 8` for `rank = 8`: what to write for a value that is a field with an equals sign."""
    found = _ASSIGNED.fullmatch(value)
    return f"{found[1]}: {found[2]}" if found else None


def _cause(problem: str, spot: tuple[int, int], lines: list[str]) -> Flaw | None:
    """The mistake on an earlier line that the parser found only here: the parser reads both lines as one value."""
    for number in (spot[0], *_previous(spot[0], lines)):
        if _SEPARATOR.fullmatch(_line(number, lines)):
            written = _line(number, lines).strip()
            return Flaw((number, 1), f"`{written}` does not separate YAML documents.", f"Write `---`, not `{written}`.")
        if found := _OTHER_DASH.match(_line(number, lines)):
            return Flaw((number, found.start(1) + 1), f"`{found[1]}` does not begin an item of a list.", "Write `-`.")
        if (found := _first_assigned(number, lines)) is not None:
            at, written = found
            name = written.partition(":")[0]
            column = _line(at, lines).index(name) + 1
            return Flaw((at, column), f"{name} has an equals sign instead of a colon.", f"Write `{written}`.")
    if not any(said in problem for said in ("mapping values are not allowed", "could not find expected ':'")):
        return None
    for number in (spot[0], *_previous(spot[0], lines)):
        if found := _NO_SPACE.fullmatch(_line(number, lines)):
            message = f"{found[2]}:{found[3]} has no space after the colon."
            return Flaw((number, found.start(2) + 1), message, f"Write `{found[2]}: {found[3]}`.")
        if found := _NO_COLON.fullmatch(_line(number, lines)):
            return Flaw(
                (number, found.start(1) + 1), f"{found[0].strip()} has no colon.", f"Write `{found[1]}: {found[2]}`."
            )
    for number in _previous(spot[0], lines):
        if found := _ONLY_NAME.fullmatch(_line(number, lines)):
            return Flaw((number, found.start(2) + 1), f"{found[2]} has no colon.", f"Write `{found[2]}:`.")
    here = _line(spot[0], lines)
    if (twice := _WITH_VALUE.fullmatch(here)) and ": " in twice[3] and not twice[3].startswith(("{", "[", '"', "'")):
        inner = twice[3].strip()
        fix = f'Write `{twice[2]}: {{{inner}}}` for a map, or `{twice[2]}: "{inner}"` for text.'
        return Flaw(spot, f"{twice[2]} has two colons on one line.", fix)
    for number in _previous(spot[0], lines):
        above = _WITH_VALUE.fullmatch(_line(number, lines))
        deeper = len(here) - len(here.lstrip()) - (above.start(2) if above else 0)
        if above and (lines_around := _fields_around(number, here, lines)):
            message = f"{above[2]} is indented less than the fields before and after it."
            return Flaw((number, above.start(2) + 1), message, f"Indent it by {lines_around} spaces, like them.")
        if above and deeper > 0:
            message = f"This line is indented more than line {number} (`{above[2]}: {above[3]}`), which has a value."
            fix = "Align the two lines" + (f", or remove {above[3]} on line {number}." if deeper > 1 else ".")
            return Flaw(spot, message, fix)
    return None


def _first_assigned(number: int, lines: list[str]) -> tuple[int, str] | None:
    """The first of the lines with an equals sign up to this one, and what to write; None if this line has none."""
    found = None
    while (written := assigned(_line(number, lines))) is not None:
        found = number, written
        number = next(iter(_previous(number, lines)), 0)
    return found


def _fields_around(number: int, after: str, lines: list[str]) -> int:
    """Return the indentation of the lines before and `after` a line, if both have the same, and the line less; else
    0."""
    here, indented = (_line(number, lines), len(after) - len(after.lstrip()))
    less = len(here) - len(here.lstrip()) < indented
    before = [_line(one, lines) for one in _previous(number, lines)]
    return indented if less and all(len(one) - len(one.lstrip()) == indented for one in before) and before else 0


def _item_above(spot: tuple[int, int], lines: list[str]) -> int:
    """Return the line of the item's dash that is exactly above the line, which begins with a field; else 0."""
    if not re.match(r" *[A-Za-z]\w*:( |$)", _line(spot[0], lines)):
        return 0
    for number in range(spot[0] - 1, 0, -1):
        above = _line(number, lines)
        if above.strip() and len(above) - len(above.lstrip()) < spot[1]:
            return number if above[spot[1] - 1 :].startswith("- ") else 0
    return 0


def _or_no_dash(number: int, spot: tuple[int, int], lines: list[str]) -> str:
    """Return the other fix, where the dash on line `number` may be one too many: the first one of its list."""
    before = "".join(_line(one, lines) for one in _previous(number, lines))
    first = len(before) - len(before.lstrip()) < spot[1] - 1 and not before.lstrip().startswith("- ")
    return f", or remove the dash and the space after it if no list begins on line {number}" if first else ""


def _indentation(spot: tuple[int, int], lines: list[str]) -> str:
    """Return the indentation of a line and of the one above it, if they differ; else an empty text."""
    here = spot[1] - 1
    for number in _previous(spot[0], lines):
        above = _line(number, lines)
        before = len(above) - len(above.lstrip())
        if here != before and not _line(spot[0], lines)[:here].strip():
            return f" (indented by {here}, line {number} by {before})"
    return ""


def _line(number: int, lines: list[str]) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _previous(number: int, lines: list[str]) -> list[int]:
    """The number of the last line before this one that is not blank and not a comment."""
    while (number := number - 1) > 0:
        if (text := _line(number, lines).strip()) and not text.startswith("#"):
            return [number]
    return []
