"""The option `--rows NAME=COUNT`, and the errors for rows that cannot be counted or are invalid."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fedtrain.cli.errors import UserError

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation

option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--rows", multiple=True, metavar="NAME=COUNT", help="Number of rows of a participant whose data is elsewhere."
)


def given(entries: Iterable[str], federation: "Federation") -> dict[str, int]:
    """Return the rows by participant from the option. Raises UserError."""
    names = [participant.name for participant in federation.training.spec.participants]
    found: dict[str, int] = {}
    for entry in entries:
        name, _, count = entry.partition("=")
        if name not in names:
            raise UserError(f"--rows {entry}: {name!r} is not a participant", f"Use one of {', '.join(names)}.")
        if not count.isdecimal():
            raise UserError(f"--rows {entry}: {count!r} is not a number of rows", f"Example: --rows {name}=1000.")
        found[name] = int(count)
    return found


@contextmanager
def explained() -> Generator[None]:
    """Turn Uncounted and Refusable into UserError."""
    from fedtrain.preview.row_counts import Refusable, Uncounted

    try:
        yield
    except Uncounted as error:
        example = " ".join(f"--rows {who}=1000" for who in list(error.reasons)[:2])
        message = f"these rows cannot be counted on this machine:{_lines(error.reasons)}"
        raise UserError(message, f"Give the number of rows: {example}") from error
    except Refusable as error:
        message = f"a trainer would refuse this data:{_lines(error.reasons)}"
        raise UserError(message, "These are the first invalid rows. Fix them and try again.") from error


def _lines(reasons: dict[str, str]) -> str:
    return "".join(f"\n  {who}: {why}" for who, why in reasons.items())
