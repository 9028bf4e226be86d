"""A file whose settings are not those of its run, which `fedtrain run` refuses to resume."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from fedtrain.cli.changed_rows import folder_of_run, run_in_folder

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation

_SHOWN = 3
"""Fields that a warning lists."""


def changed_settings(federation: "Federation") -> Iterator[str]:
    """Yield a warning if the run of this file has begun with other settings; none if its ledger cannot be read, which
    `fedtrain run` reports."""
    if run_in_folder(federation) is None:
        return
    from fedtrain.ledger.run_claim import compare, has_begun, new_run, recorded
    from fedtrain.ledger.store import StoreError
    from fedtrain.runner.bindings import ledger_of

    training = federation.training
    wanted = new_run(training.metadata.namespace, training.metadata.name, training.spec)
    with suppress(StoreError):
        ledger = ledger_of(federation, reading=True)
        found = recorded(ledger)
        if found is None or not has_begun(ledger) or not (changed := compare(found.spec, wanted.spec)):
            return
        fields = [f"spec.{one.field} is {one.wanted} and was {one.recorded}" for one in changed[:_SHOWN]]
        more = [f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
        yield (
            "the run of this file has begun with other settings, so `fedtrain run` refuses the file: "
            f"{', '.join([*fields, *more])}. Change them back to resume the run, or change `metadata.name` for a new "
            "one."
        )


def check_not_lost(federation: "Federation") -> None:
    """Raises LostRun if the folder of the file's run has rounds and no `run.json`. A bucket is not asked: that is for
    `fedtrain run`."""
    from fedtrain.contracts import names
    from fedtrain.ledger.lost_run import lost_run
    from fedtrain.runner.bindings import ledger_of

    folder = folder_of_run(federation)
    if folder is None or not (folder / names.ROUNDS).is_dir():
        return
    if (lost := lost_run(ledger_of(federation, reading=True))) is not None:
        raise lost
