"""Rows, and a base model, that changed since the run of a file began: the run cannot resume with them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation

_WAYS_OUT = "Put the file back as it was, or change `metadata.name` for a new run"


def check_rows_of_run(federation: "Federation") -> tuple[str, ...]:
    """Return a warning for each participant whose rows changed since the run began. Raises UserError if too few others
    are left to resume the run."""
    from fedtrain.cli.errors import UserError

    changed, spec = _changed(federation), federation.training.spec
    if not changed:
        return ()
    if len(spec.participants) - len(changed) < spec.minimum:
        raise UserError("the run cannot resume: " + "; ".join(changed), _WAYS_OUT)
    return tuple(f"{one}, so the run resumes without this participant. {_WAYS_OUT}." for one in changed)


def warnings_of_run(federation: "Federation") -> tuple[str, ...]:
    """Return a warning if the base model changed since the unfinished run of this file began, and one for each
    participant whose rows did; none if its ledger cannot be read, which `fedtrain run` reports."""
    from fedtrain.ledger.store import StoreError

    with suppress(StoreError):
        rows = tuple(f"{one}, so the run cannot resume with them. {_WAYS_OUT}." for one in _changed(federation))
        return (*_base_warnings(federation), *rows)
    return ()


def _base_warnings(federation: "Federation") -> Iterator[str]:
    if not _has_unfinished_run(federation):
        return
    from fedtrain.data.base_fingerprint import FIX
    from fedtrain.runner.bindings import ledger_of
    from fedtrain.runner.changed_base import changed_base

    if (why := changed_base(federation, ledger_of(federation, reading=True))) is not None:
        yield f"{why}. The run cannot resume with it. {FIX}."


def _changed(federation: "Federation") -> list[str]:
    if not _has_unfinished_run(federation):
        return []
    from fedtrain.runner.bindings import ledger_of
    from fedtrain.runner.changed_data import changed_data

    changed = changed_data(federation, ledger_of(federation, reading=True), on_disk=True)
    return [
        f"nothing shows that the rows of {who} are those of the run: {one.why}"
        if one.unknown
        else f"the rows of {who} changed since the run began: {one.why}"
        for who, one in changed.items()
    ]


def _has_unfinished_run(federation: "Federation") -> bool:
    from fedtrain.contracts import names

    folder = run_in_folder(federation)
    return folder is not None and not (folder / names.END).exists()


def run_in_folder(federation: "Federation") -> Path | None:
    """Return the folder of the run of this file; None if there is none or it is in a bucket. Imports no store, which
    takes a while."""
    from fedtrain.contracts import names

    folder = folder_of_run(federation)
    return folder if folder is not None and (folder / names.RUN).exists() else None


def folder_of_run(federation: "Federation") -> Path | None:
    """Return the folder that the run of this file has, or will have; None for a bucket."""
    from fedtrain.api.storage import File

    metadata, storage = federation.training.metadata, federation.training.spec.storage
    root = Path(federation.resolve((storage.file or File()).path))
    return root / metadata.namespace / metadata.name if storage.type == "File" else None
