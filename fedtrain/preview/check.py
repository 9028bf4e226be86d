"""Checks what a run will read, without loading a model: rows of all data sets, and the base model."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from fedtrain.api.data import percent
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.data.errors import DataError
from fedtrain.listing import listed
from fedtrain.plurals import form, several
from fedtrain.preview.base_check import CheckedBase, check_base, rendered_rows
from fedtrain.preview.checked_rows import HUB, CheckedRows
from fedtrain.preview.choices_check import choices_errors, strange_rows
from fedtrain.preview.cluster_settings import cluster_settings
from fedtrain.preview.gate_warnings import gate_warnings
from fedtrain.preview.gpu_check import gpu_errors, gpu_warnings
from fedtrain.preview.initial_adapter import initial_adapter_errors
from fedtrain.preview.model_facts import base_folder
from fedtrain.preview.policy_warnings import policy_warnings
from fedtrain.preview.rendered_rows import RenderedRows
from fedtrain.preview.row_check import check_rows, sample_size
from fedtrain.preview.row_notes import row_notes
from fedtrain.preview.settings_without_effect import settings_without_effect
from fedtrain.preview.small_data_warnings import small_data_warnings
from fedtrain.preview.unit_warnings import unit_warnings
from fedtrain.preview.useless_fields import useless_fields
from fedtrain.runner.devices import find_devices

SAMPLED_ROWS = 1000
"""Rows of each data set that are checked by default."""
MANY_ROWS = 4
"""Rows of one file with the same fault that are counted instead of listed."""
MANY_DATA_SETS = 3
"""Data sets that make one error of the same fault in all rows of each: a field of the training is probably wrong."""
SHOWN_FAULTS = 20
"""Faults of one data set that are listed."""
_PLACE = re.compile(r"(.+?):(?: row )?([0-9]+)(?::([0-9]+))?: (.*)", re.DOTALL)


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
    rendered = counter_of(federation)
    rows = check_rows(federation, limit, rendered=rendered)
    found = checked(federation, rows, tuple(row_notes(rows, spec)), limit, rendered)
    errors = (*found.errors, *gpu_errors(federation, find_devices))
    warnings = (*found.warnings, *policy_warnings(federation, rows), *cluster_settings(spec))
    return replace(found, errors=errors, warnings=warnings)


def counter_of(federation: Federation) -> RenderedRows | None:
    """Return a counter of faults of rows as the model sees them; None if the base model is not on this machine."""
    folder = base_folder(federation)
    return rendered_rows(folder, federation.training.spec) if folder is not None else None


def checked(
    federation: Federation,
    rows: Sequence[CheckedRows],
    warnings: tuple[str, ...],
    limit: int | None,
    rendered: RenderedRows | None,
    counts: Mapping[str, Sequence[int]] | None = None,
) -> Checked:
    """Add the check of the base model to what was found in rows. `rendered`: has counted them. `counts`: number of
    rows of each data set, by participant, if not only those in `rows` are known."""
    spec, counts = federation.training.spec, counts if counts is not None else _counted(rows)
    hub_rows = next((one.rows for one in rows if _is_counted_hub(one)), None)
    folder = base_folder(federation)
    base = None
    if folder is not None:
        base = check_base(folder, spec, [row for one in rows for row in one.sample], rendered)
    return Checked(
        errors=(
            *_base_errors(federation, base),
            *_row_errors_of_all(federation, rows),
            *_choices_errors(federation, rows),
        ),
        warnings=(
            *unit_warnings(spec, counts),
            *settings_without_effect(spec, hub_rows),
            *gate_warnings(spec, hub_rows),
            *small_data_warnings(spec, counts),
            *warnings,
            *(base.notes if base is not None else ()),
            *_gpu_warnings(federation),
        ),
        facts=(_row_fact(rows, limit), *_mix_facts(federation, rows), _base_fact(federation, base)),
    )


def _counted(rows: Sequence[CheckedRows]) -> dict[str, list[int]]:
    """Return the number of rows of each data set of the participants whose rows were all read."""
    partly = {one.who for one in rows if not one.complete}
    found: dict[str, list[int]] = {}
    for one in rows:
        if one.who != HUB and one.who not in partly:
            found.setdefault(one.who, []).append(one.rows)
    return found


def _is_counted_hub(one: CheckedRows) -> bool:
    return one.who == HUB and one.complete and one.absent is None


def _choices_errors(federation: Federation, rows: Sequence[CheckedRows]) -> Iterable[FieldError]:
    for hub in (one for one in rows if one.who == HUB):
        found = strange_rows(federation.training.spec, hub.offered.strange)
        yield from _grouped([_error(hub, fault) for fault in found])[:SHOWN_FAULTS]
        yield from choices_errors(federation, hub.offered, hub.complete)


def _gpu_warnings(federation: Federation) -> Iterable[str]:
    """GPUs are only listed if a participant asks for some: that starts a process."""
    asked = any(one.compute.gpus_per_node for one in federation.training.spec.participants)
    return gpu_warnings(federation, find_devices()) if asked else ()


def _base_errors(federation: Federation, base: CheckedBase | None) -> list[FieldError]:
    problems = base.problems if base is not None else ()
    errors = [federation.error_at(problem.path, problem.message, problem.fix) for problem in problems]
    return [*errors, *initial_adapter_errors(federation, base.tensors if base is not None else ())]


def _row_errors_of_all(federation: Federation, rows: Sequence[CheckedRows]) -> list[FieldError]:
    """Return the errors of all data sets; the one error that all rows of all of them have once, because one field of
    the training causes it."""
    if (error := useless_fields(federation, rows)) is not None:
        return [error]
    read = [one for one in rows if one.absent is None]
    found = [_row_errors(one) for one in read]
    same = {error.message for errors in found for error in errors}
    is_one = (
        len(same) == 1
        and all(len(errors) == 1 for errors in found)
        and all(len(one.faults) > 1 > one.rows for one in read)
    )
    if len(found) < MANY_DATA_SETS or not is_one:
        return [error for errors in found for error in errors]
    first, others = found[0][0], [errors[0].file for errors in found[1:]]
    return [replace(first, fix=f"{first.fix} The same in {listed(others)}.")]


def _row_errors(one: CheckedRows) -> list[FieldError]:
    """Return the first faults, each with its file and line, and the number of the others. A fault of many rows of a
    file is returned once, and so is the one fault that all rows of a file have."""
    errors = [_error(one, fault) for fault in one.faults]
    if not one.rows:
        errors = [error for same in _by_file(errors) for error in _once(same)]
    errors = _grouped(errors)
    if (more := len(errors) - SHOWN_FAULTS) > 0:
        message = f"{several(more, 'more row')} {form(more, 'has', 'have')} errors."
        next_error = replace(errors[SHOWN_FAULTS], message=message, fix="Fix the rows above first.")
        errors = [*errors[:SHOWN_FAULTS], next_error]
    return errors


def _by_file(errors: list[FieldError]) -> list[list[FieldError]]:
    return [list(same) for _, same in groupby(errors, key=lambda error: error.file)]


def _once(errors: list[FieldError]) -> list[FieldError]:
    """Return one error if all are the same, else all of them."""
    first, count = errors[0], len(errors)
    if count == 1 or any((error.message, error.fix) != (first.message, first.fix) for error in errors):
        return errors
    return [replace(first, fix=f"{first.fix} All {several(count, 'checked row')} have this error.".lstrip())]


def _grouped(errors: list[FieldError]) -> list[FieldError]:
    """Return the errors in order, of those that are the same in many rows of a file only the first, with their number.
    The place of a fault of few rows helps to correct it."""
    same: dict[tuple[str, str, str], list[FieldError]] = {}
    for error in errors:
        same.setdefault((error.file, error.message, error.fix), []).append(error)
    found: list[FieldError] = []
    for error in errors:
        group = same[error.file, error.message, error.fix]
        if len(group) < MANY_ROWS:
            found.append(error)
        elif error is group[0]:
            count = f"{several(len(group), 'row')} of this file have this error."
            found.append(replace(error, fix=f"{error.fix} {count}".lstrip()))
    return found


def _error(one: CheckedRows, fault: DataError) -> FieldError:
    name, line, column, problem = _place(one, fault)
    return FieldError(
        file=name,
        line=int(line or 0),
        column=int(column or 0),
        path=(),
        value=None,
        message=f"{_capitalised(problem)}.",
        fix=f"{fault.fix[:1].upper()}{fault.fix[1:]}." if fault.fix else "",
        item=one.who if one.who == HUB else f"participant {one.label}",
    )


def _capitalised(problem: str) -> str:
    """A sentence, unless it begins with the path of a field, such as `messages[0]`."""
    first = problem.split(" ", 1)[0]
    return problem if "[" in first or "." in first else f"{problem[:1].upper()}{problem[1:]}"


def _place(one: CheckedRows, fault: DataError) -> tuple[str, str, str, str]:
    """Return file, line and column (both empty for the whole file) and problem of a fault."""
    if (place := _PLACE.fullmatch(fault.problem)) is not None:
        name, line, column, problem = place.groups(default="")
        return name, line, column, problem
    name, colon, problem = fault.problem.partition(": ")
    if colon and name.startswith(one.name):
        return name, "", "", problem
    return one.name, "", "", fault.problem


def _row_fact(rows: Sequence[CheckedRows], limit: int | None) -> str:
    read = [one for one in rows if one.absent is None]
    count = sum(one.rows + len(one.faults) for one in read)
    size = None if all(one.complete for one in read) else sample_size(limit, len(rows))
    some = "" if size is None else f" (a sample of {size:,} per data set; --rows all checks all)"
    elsewhere = f"; {len(rows) - len(read):,} not on this machine" if len(read) < len(rows) else ""
    return f"rows: {count:,} checked in {several(len(read), 'data set')}{some}{elsewhere}"


def _mix_facts(federation: Federation, rows: Sequence[CheckedRows]) -> Iterable[str]:
    """The rows of each data set of a mix, one line for each data set; none without a mix."""
    mix = federation.training.spec.data.datasets
    if mix is None:
        return
    from fedtrain.partitioning.mixing import shares  # imports numpy, which takes a while

    for name, share in shares(mix).items():
        counts = [
            f"{one.who} {'' if one.complete else 'more than '}{one.rows:,}"
            for one in rows
            if one.dataset == name and one.absent is None
        ]
        yield f"data set {name}: {percent(float(share))} of the samples; rows: {', '.join(counts) or 'not counted'}"


def _base_fact(federation: Federation, base: CheckedBase | None) -> str:
    if base is None:
        return (
            f"base model: {federation.training.spec.model.base} is not on this machine, so it was not checked; "
            "`fedtrain doctor` with this file says whether it can be downloaded"
        )
    return f"base model: {base.summary}" if base.summary else "base model: no safetensors headers could be read"
