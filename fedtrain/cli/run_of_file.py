"""The run that a federation file has begun: what changed since, so that it cannot resume."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation
    from fedtrain.ledger.ledger import Ledger

_WAYS_OUT = "Put the file back as it was, or change `metadata.name` for a new run"
_SHOWN = 3
"""Fields that a warning lists."""


def check_has_run_json(federation: "Federation") -> None:
    """Raises LostRun if the run of this file has rounds and no `run.json`; not if its ledger cannot be read, which
    `fedtrain run` reports."""
    from fedtrain.contracts import names

    folder = _folder(federation)
    if folder is not None and not (folder / names.ROUNDS).is_dir():
        return
    from fedtrain.ledger.lost_run import lost_run
    from fedtrain.ledger.store import StoreError
    from fedtrain.runner.bindings import ledger_of

    try:
        lost = lost_run(ledger_of(federation, reading=True))
    except StoreError:
        return
    if lost is not None:
        raise lost


def check_rows_of_run(federation: "Federation", ledger: "Ledger") -> tuple[str, ...]:
    """Return a warning for each participant whose rows changed since the run of this file began; none for a run in a
    bucket. Raises UserError if too few others are left to resume the run."""
    from fedtrain.cli.errors import UserError
    from fedtrain.contracts import names

    if _folder(federation) is None:
        return ()
    if ledger.size(names.END) is not None:
        return _rows_of_finished_run(federation, ledger)
    changed, spec = _changed_rows(federation, ledger), federation.training.spec
    if not changed:
        return ()
    if len(spec.participants) - len(changed) < spec.minimum:
        raise UserError("the run cannot resume: " + "; ".join(changed), _WAYS_OUT)
    return tuple(f"{one}, so the run resumes without this participant. {_WAYS_OUT}." for one in changed)


def warnings_of_run(federation: "Federation") -> tuple[str, ...]:
    """Return warnings if the settings, the base model or the rows changed since the run of this file began; none for
    a run in a bucket, or if its ledger cannot be read, which `fedtrain run` reports."""
    from fedtrain.contracts import names

    folder = _folder(federation)
    if folder is None or not (folder / names.RUN).exists():  # most files: the store takes a while to import
        return ()
    from fedtrain.ledger.store import StoreError
    from fedtrain.runner.bindings import ledger_of

    found: list[str] = []
    with suppress(StoreError):
        ledger = ledger_of(federation, reading=True)
        found += _changed_settings(federation, ledger)
        if ledger.size(names.END) is None:
            found += _changed_base(federation, ledger)
            rows = _changed_rows(federation, ledger)
            found += (f"{one}, so the run cannot resume with them. {_WAYS_OUT}." for one in rows)
        else:
            found += _rows_of_finished_run(federation, ledger)
    return tuple(found)


def _changed_settings(federation: "Federation", ledger: "Ledger") -> Iterator[str]:
    from fedtrain.ledger.run_claim import compare, has_begun, new_run, recorded

    training, found = federation.training, recorded(ledger)
    wanted = new_run(training.metadata.namespace, training.metadata.name, training.spec)
    if found is None or not has_begun(ledger) or not (changed := compare(found.spec, wanted.spec)):
        return
    fields = [f"spec.{one.field} is {one.wanted} and was {one.recorded}" for one in changed[:_SHOWN]]
    more = [f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
    yield (
        "the run of this file has begun with other settings, so `fedtrain run` refuses the file: "
        f"{', '.join([*fields, *more])}. Change them back to resume the run, or change `metadata.name` for a new one."
    )


def _changed_base(federation: "Federation", ledger: "Ledger") -> Iterator[str]:
    from fedtrain.data.base_fingerprint import FIX
    from fedtrain.runner.changed_base import changed_base

    if (why := changed_base(federation, ledger)) is not None:
        yield f"{why}. The run cannot resume with it. {FIX}."


def _changed_rows(federation: "Federation", ledger: "Ledger") -> list[str]:
    from fedtrain.runner.changed_data import changed_data

    return [
        f"nothing shows that the rows of {who} are those of the run: {one.why}"
        if one.unknown
        else f"the rows of {who} changed since the run began: {one.why}"
        for who, one in changed_data(federation, ledger, on_disk=True).items()
    ]


def _rows_of_finished_run(federation: "Federation", ledger: "Ledger") -> tuple[str, ...]:
    """Return a warning for each participant whose rows are others now. Missing keys of fingerprints matter no more."""
    from fedtrain.runner.changed_data import changed_data

    return tuple(
        f"the rows of {who} changed since the run began: {one.why}. The run has ended without them: to train on them, "
        "change `metadata.name`."
        for who, one in changed_data(federation, ledger, on_disk=True).items()
        if not one.unknown
    )


def _folder(federation: "Federation") -> Path | None:
    """The folder that the run of this file has, or will have; None for a bucket. Imports no store."""
    from fedtrain.api.storage import File

    metadata, storage = federation.training.metadata, federation.training.spec.storage
    root = Path(federation.resolve((storage.file or File()).path))
    return root / metadata.namespace / metadata.name if storage.type == "File" else None
