"""Lines that are wrapped at words on a terminal, never within a command in backticks. Elsewhere, and for errors, whose
paths are copied, lines stay as they are."""

import re
import shutil
import sys
from collections.abc import Iterator
from typing import TextIO

import click

_WORD = re.compile(r"(\s*)((?:`[^`]*`|\S)+)")
"""Blanks, and a word or a command in backticks with what is joined to it."""


def say(line: str, indent: int = 0) -> None:
    """Print a line to standard output. `indent`: of the lines that continue it."""
    click.echo(_shown(line, indent, sys.stdout))


def aside(line: str, indent: int = 0) -> None:
    """Print a note or a warning to standard error."""
    click.echo(_shown(line, indent, sys.stderr), err=True)


def _shown(text: str, indent: int, stream: TextIO) -> str:
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(wrapped for line in text.split("\n") for wrapped in _wrapped(line, width, indent))


def _wrapped(line: str, width: int, indent: int) -> Iterator[str]:
    """Yield the lines of a line. A word that is longer than `width` has a line of its own."""
    current = ""
    for blanks, word in _WORD.findall(line):
        if current and len(current) + len(blanks) + len(word) > width:
            yield current
            current = " " * indent + word
        else:
            current += blanks + word
    yield current
