"""The option `--round best|N`."""

from collections.abc import Callable
from typing import Any

import click


def round_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`what`: the help text's verb and object, such as `Export the adapter`."""
    text = f"{what} after this round, or after the one with the best metric [default: the newest]."
    return click.option("--round", "number", metavar="best|N", callback=_checked, help=text)


def _checked(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and value != "best" and not value.isdecimal():
        raise click.BadParameter(f"{value!r} is not `best` or the number of a round. Omit --round for the newest one.")
    return value
