"""Texts of other languages in a YAML file: placeholders of templates, variables of a shell, and backslashes."""

import re
from typing import Any

from fedtrain.api.reading.flaw import Flaw

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_IN_QUOTES = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OF_WINDOWS = re.compile(r"([A-Za-z]):[\\/]+(.*)")


def placeholders(text: str) -> list[Flaw]:
    """Return the placeholders of Helm, Jinja and others that are not in quotes."""
    fix = "Fill in the template first, or write the value."
    return [
        Flaw((number, found.start() + 1), f"`{found[0]}` is a placeholder of a template, not a value.", fix)
        for number, line in enumerate(text.splitlines(), start=1)
        for found in _PLACEHOLDER.finditer(line)
        if _is_read(line[: found.start()])
    ]


def variable(number: int, line: str) -> Flaw | None:
    """Return the first variable of a line that is not in quotes: YAML takes its braces for a map."""
    for found in _VARIABLE.finditer(line):
        if _is_read(line[: found.start()]):
            message = f"`{found[0]}` is a variable, and environment variables are not expanded here."
            return Flaw((number, found.start() + 1), message, "Write its value.")
    return None


def escape(error: Any, lines: list[str]) -> Flaw:
    """The flaw of a text in double quotes that the parser stopped in: it has a backslash that is meant as one. `error`
    is a MarkedYAMLError, which is untyped."""
    mark = error.context_mark or error.problem_mark
    spot: tuple[int, int] = (mark.line + 1, mark.column + 1)
    message = "In double quotes, a backslash begins an escape sequence."
    whole = _IN_QUOTES.match(lines[spot[0] - 1], spot[1] - 1) if spot[0] <= len(lines) else None
    if whole is None:
        return Flaw(spot, message, "Put the text in single quotes, or write each backslash twice.")
    if path := _OF_WINDOWS.fullmatch(whole[1]):
        rest = re.sub(r"[\\/]+", "/", path[2])
        return Flaw(spot, message, f"Write the path as it is in WSL: `/mnt/{path[1].lower()}/{rest}`.")
    inner = whole[1].replace("'", "''")
    return Flaw(spot, message, f"Put the text in single quotes: `'{inner}'`.")


def _is_read(before: str) -> bool:
    """Whether what follows on a line is neither in quotes nor a comment."""
    return before.count('"') % 2 == 0 and before.count("'") % 2 == 0 and not re.search(r"(^|\s)#", before)
