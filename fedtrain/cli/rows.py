"""The option `--rows NAME=COUNT`, and what is said where rows can't be counted or are bad."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fedtrain.cli.errors import UserError

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation

option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--rows", multiple=True, metavar="NAME=COUNT", help="Rows of a participant whose data is not here."
)


def given(entries: Iterable[str], federation: "Federation") -> dict[str, int]:
    """Rows by participant, as the option says. Raises UserError."""
    names = [participant.name for participant in federation.training.spec.participants]
    found: dict[str, int] = {}
    for entry in entries:
        name, _, count = entry.partition("=")
        if name not in names:
            raise UserError(f"--rows {entry}: there is no participant {name!r}", f"there are {', '.join(names)}")
        if not count.isdecimal():
            raise UserError(f"--rows {entry}: {count!r} is no number of rows", f"--rows {name}=1000")
        found[name] = int(count)
    return found


@contextmanager
def explained() -> Generator[None]:
    """Turns Uncounted and Refusable into words."""
    from fedtrain.preview.row_counts import Refusable, Uncounted

    try:
        yield
    except Uncounted as error:
        example = " ".join(f"--rows {who}=1000" for who in list(error.reasons)[:2])
        message = f"rows can't be counted here:{_lines(error.reasons)}"
        raise UserError(message, f"say how many there are: {example}") from error
    except Refusable as error:
        message = f"a trainer would refuse these data:{_lines(error.reasons)}"
        raise UserError(message, "these are the first bad rows; mend them, and try again") from error


def _lines(reasons: dict[str, str]) -> str:
    return "".join(f"\n  {who}: {why}" for who, why in reasons.items())
