"""Lines that are wrapped at words on a terminal. Elsewhere, and for errors, whose commands and paths are copied, lines
stay as they are."""

import shutil
import sys
import textwrap

import click


def say(line: str, indent: int = 0) -> None:
    """Print a line to standard output. `indent`: of the lines that continue it."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(
            line,
            width,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
    click.echo(line)
