"""Deletes a run: the objects of its ledger, and what was exported to its folder."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fedtrain.contracts import names
from fedtrain.contracts.records import End
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, StoreError
from fedtrain.results.locate import run_folder
from fedtrain.runner.presence import working

OBJECTS = ("rounds", "preflight", "failures", names.INCOMING, "blobs", "telemetry", names.END, names.RUN)
"""Objects and folders of a run, in the order of their deletion: as long as `run.json` exists, an interrupted deletion
can be repeated."""
EXPORTS = ("adapter", "model", "report.html", "picture.png")
"""Defaults of `fedtrain export`, `report` and `baseline` in a run's folder."""


class StillRunning(StoreError):
    """The run may not be deleted yet."""


@dataclass(frozen=True)
class Deletion:
    """What a deletion removes. `objects`: number of objects; `kept`: paths in the run's folder that are not the
    run's."""

    objects: int
    exports: tuple[Path, ...]
    kept: tuple[Path, ...]


def plan_deletion(ledger: Ledger) -> Deletion:
    """Raises StoreError."""
    objects = [name for name in ledger.names() if name.partition("/")[0] in OBJECTS]
    folder = run_folder(ledger)
    entries = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    return Deletion(
        objects=len(objects),
        exports=tuple(entry for entry in entries if entry.name in EXPORTS),
        kept=tuple(entry for entry in entries if entry.name not in (*EXPORTS, *OBJECTS)),
    )


def check_deletable(ledger: Ledger, orphaned: bool, wait: Callable[[float], object]) -> None:
    """Raises StillRunning if a coordinator works on the run, or may do so on a cluster. `orphaned`: the user says that
    none does on a cluster. `wait` sleeps for the given seconds (`fedtrain.runner.presence.working`)."""
    if _has_ended(ledger):
        return
    if found := working(ledger, wait):
        others = ", ".join(one.text for one in found)
        raise StillRunning(f"{ledger.url} is running ({others}). Stop `fedtrain run` with Ctrl-C first.")
    if run_folder(ledger) is None and not orphaned and not _ran_on_one_machine(ledger):
        raise StillRunning(
            f"{ledger.url} has not ended, and a cluster may run it. Delete its FederatedTraining there: "
            f"`kubectl delete federatedtraining {ledger.name} -n {ledger.namespace}`. "
            "If no cluster has it any more, use --orphaned."
        )


def delete_run(ledger: Ledger) -> Deletion:
    """Delete the run and return what was deleted. Does not check whether the run is running. Raises StoreError,
    OSError."""
    deletion = plan_deletion(ledger)
    for path in deletion.exports:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name in OBJECTS:
        ledger.delete(name)
    return deletion


def _has_ended(ledger: Ledger) -> bool:
    try:
        return ledger.read(names.END, End) is not None
    except LedgerCorrupt:
        return False


def _ran_on_one_machine(ledger: Ledger) -> bool:
    """Whether the telemetry has files that only `fedtrain run` writes."""
    return any(name.endswith(("/runner.json", "/clock.json")) for name in ledger.names(names.telemetry("")))
