"""The option `--rows NAME=COUNT`, or `NAME/DATASET=COUNT` with a mix of data sets, and the errors for rows that cannot
be counted or are invalid."""

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fedtrain.cli.errors import UserError
from fedtrain.plurals import several

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation

_SHOWN = 2
"""Participants in an example."""
_DIGITS = 18
"""Digits of a number that is read: Python refuses to read more than 4300."""
option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--rows",
    multiple=True,
    metavar="NAME[/DATASET]=COUNT",
    help="Number of rows of a participant whose data is elsewhere. With data.datasets, of one of its data sets.",
)


def places(entries: Iterable[str]) -> list[str]:
    """Return the participants, or `PARTICIPANT/DATASET`, that the option names. `given` checks them."""
    return [entry.partition("=")[0] for entry in entries]


def given(entries: Iterable[str], federation: "Federation") -> dict[str, dict[str, int]]:
    """Return the rows by participant and data set from the option. Raises UserError."""
    from fedtrain.contracts.record_fields import MAX_SAMPLES  # imports pydantic, which --help does not need

    spec = federation.training.spec
    names = [participant.name for participant in spec.participants]
    found: dict[str, dict[str, int]] = {}
    for entry in entries:
        place, _, count = entry.partition("=")
        name, _, dataset = place.partition("/")
        if "=" not in entry:
            raise UserError(f"--rows {entry} is not NAME=COUNT", f"Write `{_meant(entry, names)}`.")
        if name not in names:
            raise UserError(
                f"--rows {entry}: {name!r} is not a participant",
                f"Use one of {', '.join(f'`{one}`' for one in names)}.",
            )
        if spec.data.datasets is None and not dataset:
            dataset = spec.data.names[0]
        if dataset not in spec.data.names:
            problem = f"{dataset!r} is not a data set of the training" if dataset else "the data set is missing"
            example = f"Example: `--rows {name}/{spec.data.names[0]}=1000`."
            raise UserError(
                f"--rows {entry}: {problem}",
                f"Use one of {', '.join(f'`{one}`' for one in spec.data.names)}. {example}",
            )
        if not count.isdecimal():
            fix = f"Write `--rows {place}={min(_whole(count) or 1000, MAX_SAMPLES)}`."
            raise UserError(f"--rows {entry}: {count!r} is not a number of rows", fix)
        if len(count) > _DIGITS or int(count) == 0:
            fix = f"Write a number from 1 to {MAX_SAMPLES}, such as `--rows {place}=1000`."
            raise UserError(f"--rows {entry}: {_short(count)} is not a valid number of rows", fix)
        found.setdefault(name, {})[dataset] = int(count)
        if (rows := sum(found[name].values())) > MAX_SAMPLES:
            what = "at most" if spec.data.datasets is None else "for all its data sets at most"
            raise UserError(
                f"--rows {entry}: {several(rows, 'row')} are too many for {name}", f"Give {what} {MAX_SAMPLES}."
            )
    return found


def _short(count: str) -> str:
    return count if len(count) <= _DIGITS else f"{count[:_DIGITS]}..."


def _whole(count: str) -> int | None:
    """Return the number that `5k`, `1,000` or `1e4` means; None for other texts."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(k|m|e[0-9])?", re.sub("[,_ ]", "", count.lower()))
    if found is None:
        return None
    power = {None: "e0", "k": "e3", "m": "e6"}.get(found[2], found[2])
    return round(float(f"{found[1]}{power}"))


def _meant(entry: str, names: Sequence[str]) -> str:
    """Return the option that was probably meant, for an entry without `=`."""
    found = re.fullmatch(r"(.*?)[ :]*([0-9]+)", entry)
    name, count = found.groups() if found else (entry, "1000")
    return " ".join(f"--rows {one}={count}" for one in ([name] if name in names else names[:_SHOWN]))


@contextmanager
def explained() -> Generator[None]:
    """Turn Uncounted and Refusable into UserError."""
    from fedtrain.preview.row_counts import Refusable, Uncounted

    try:
        yield
    except Uncounted as error:
        example = " ".join(f"--rows {who}=1000" for who in list(error.reasons)[:2])
        message = f"these rows cannot be counted on this machine:{_lines(error.reasons)}"
        raise UserError(message, f"Give the number of rows: `{example}`") from error
    except Refusable as error:
        message = f"a trainer would refuse this data:{_lines(error.reasons)}"
        raise UserError(message, "These are the first invalid rows. Fix them and try again.") from error


def _lines(reasons: dict[str, str]) -> str:
    return "".join(f"\n  {who}: {why}" for who, why in reasons.items())
