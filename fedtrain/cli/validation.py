"""The JSON output of `fedtrain validate`."""

from dataclasses import dataclass
from typing import Any

from fedtrain.api.paths import show
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.formatting import as_json


@dataclass(frozen=True)
class FoundError:
    """One error. `line` and `column` count from 1; line 0 means the whole file, column 0 the whole line. `path`: of the
    field, such as `spec.rounds.count`. `value`: what the file has there. `item`: the list item or policy that contains
    the field."""

    file: str
    line: int
    column: int
    path: str
    value: Any
    message: str
    fix: str
    item: str | None = None


@dataclass(frozen=True)
class Validation:
    """`errors`: a run would fail. `warnings`: it would run, but probably not as intended. `facts`: lines about the rows
    and the base model. `privacy`: forecast of a private run, in lines. The training's `name`, `participants`, number of
    `rounds` and `strategy` are omitted if there are errors."""

    valid: bool
    errors: tuple[FoundError, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    name: str | None = None
    participants: tuple[str, ...] | None = None
    rounds: int | None = None
    strategy: str | None = None
    privacy: tuple[str, ...] | None = None


def found_error(error: FieldError) -> FoundError:
    """Return the error as it is printed."""
    return FoundError(
        file=error.file,
        line=error.line,
        column=error.column,
        path=show(error.path),
        value=as_json(error.value),
        message=error.message,
        fix=error.fix,
        item=error.item,
    )
