"""Checks what a run will read, without loading a model: rows of all data sets, and the base model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.preview.base_check import CheckedBase, check_base
from fedtrain.preview.model_facts import base_folder
from fedtrain.preview.row_check import HUB, CheckedRows, check_rows, notes

SHOWN_FAULTS = 20
"""Faults of one data set that are listed."""
_PLACE = re.compile(r"(.+?):(?: row )?([0-9]+): (.*)", re.DOTALL)
_FILE = re.compile(r"([^ ]+?)(): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Checked:
    """`errors`: a run would fail. `warnings`: it would run, but probably not as intended. `facts`: lines about the
    rows and the base model."""

    errors: tuple[FieldError, ...]
    warnings: tuple[str, ...]
    facts: tuple[str, ...]


def check(federation: Federation, limit: int | None) -> Checked:
    """Check `limit` rows of each data set, or all, and the base model if it is on this machine."""
    spec = federation.training.spec
    rows = check_rows(federation, limit)
    return checked(federation, rows, tuple(notes(rows, spec.data, spec.training.seed)), limit)


def checked(
    federation: Federation, rows: Sequence[CheckedRows], warnings: tuple[str, ...], limit: int | None
) -> Checked:
    """Add the check of the base model to what was found in rows."""
    folder = base_folder(federation)
    base = None
    if folder is not None:
        base = check_base(folder, federation.training.spec, [row for one in rows for row in one.sample])
    return Checked(
        errors=(*_base_errors(federation, base), *(error for one in rows for error in _row_errors(one))),
        warnings=(*warnings, *(base.notes if base is not None else ())),
        facts=(_row_fact(rows, limit), _base_fact(federation, base)),
    )


def _base_errors(federation: Federation, base: CheckedBase | None) -> list[FieldError]:
    problems = base.problems if base is not None else ()
    return [federation.error_at(problem.path, problem.message, problem.fix) for problem in problems]


def _row_errors(one: CheckedRows) -> list[FieldError]:
    """Return the first faults, each with its file and line, and the number of the others."""
    item = one.who if one.who == HUB else f"participant {one.who}"
    errors: list[FieldError] = []
    for fault in one.faults[:SHOWN_FAULTS]:
        place = _PLACE.fullmatch(fault.problem) or _FILE.fullmatch(fault.problem)
        name, line, problem = place.groups() if place is not None else (one.uri, "", fault.problem)
        fix = f"{fault.fix[:1].upper()}{fault.fix[1:]}." if fault.fix else ""
        errors.append(_error(name, int(line or 0), f"{problem[:1].upper()}{problem[1:]}.", fix, item))
    if (more := len(one.faults) - SHOWN_FAULTS) > 0:
        errors.append(_error(one.uri, 0, f"{more:,} more rows have errors.", "Fix the rows above first.", item))
    return errors


def _error(file: str, line: int, message: str, fix: str, item: str) -> FieldError:
    column = 1 if line else 0
    return FieldError(file=file, line=line, column=column, path=(), value=None, message=message, fix=fix, item=item)


def _row_fact(rows: Sequence[CheckedRows], limit: int | None) -> str:
    read = [one for one in rows if one.absent is None]
    count = sum(one.rows + len(one.faults) for one in read)
    some = "" if all(one.complete for one in read) else f" (a sample of {limit:,} per data set; --rows all checks all)"
    elsewhere = f"; {len(rows) - len(read):,} not on this machine" if len(read) < len(rows) else ""
    return f"rows: {count:,} checked in {len(read):,} data set{'s' if len(read) != 1 else ''}{some}{elsewhere}"


def _base_fact(federation: Federation, base: CheckedBase | None) -> str:
    if base is None:
        return f"base model: {federation.training.spec.model.base} is not on this machine, so it was not checked"
    return f"base model: {base.summary}" if base.summary else "base model: no safetensors headers could be read"
