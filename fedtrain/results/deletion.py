"""Deletes a run: the objects of its ledger, and what was exported to its folder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.contracts.run_end import End
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, StoreError
from fedtrain.results.charts.style import is_picture
from fedtrain.results.export_files import files_of_export, is_export, other_files
from fedtrain.results.folders import is_page
from fedtrain.results.locate import run_folder
from fedtrain.results.run_phase import ran_on_one_machine
from fedtrain.results.series import is_csv
from fedtrain.runner.presence import working

OBJECTS = ("rounds", "preflight", "failures", names.INCOMING, "blobs", "telemetry", names.END, names.RUN)
"""Objects and folders of a run, in the order of their deletion: as long as `run.json` exists, an interrupted deletion
can be repeated."""
_OF_LOST_RUN = (*OBJECTS[1:], OBJECTS[0])
"""The same without `run.json`: what remains is known by the records of its rounds."""
_FOLDERS = ("adapter", "model")
_FILES: Mapping[str, Callable[[bytes], bool]] = {
    "report.html": is_page,
    "report.csv": is_csv,
    "picture.png": is_picture,
}
"""Whether the content of a file with this name is from fedtrain."""
EXPORTS = (*_FOLDERS, *_FILES)
"""Defaults of `fedtrain export`, `report` and `baseline` in a run's folder."""


class StillRunning(StoreError):
    """The run may not be deleted yet."""


@dataclass(frozen=True)
class Deletion:
    """What a deletion removes. `objects`: number of objects. `exports`: names in the run's folder. `files`: their
    files. `kept`: paths in the run's folder that are not the run's, relative to it."""

    objects: int
    exports: tuple[str, ...]
    files: tuple[Path, ...]
    kept: tuple[str, ...]


def plan_deletion(ledger: Ledger) -> Deletion:
    """Raises StoreError."""
    objects = [name for name in ledger.names() if name.partition("/")[0] in OBJECTS]
    folder, run_id = run_folder(ledger), _run_id(ledger)
    entries = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    files = [file for entry in entries if entry.name in EXPORTS for file in _exported(entry, run_id)]
    kept = [path for entry in entries if entry.name not in OBJECTS for path in _kept(entry, run_id)]
    return Deletion(
        objects=len(objects),
        exports=tuple(dict.fromkeys(_name(folder, file).partition("/")[0] for file in files)),
        files=tuple(files),
        kept=tuple(_name(folder, path) for path in kept),
    )


def _exported(entry: Path, run_id: str | None) -> Iterator[Path]:
    """Yield the files of an export: `entry` itself, or files in it."""
    if (is_ours := _FILES.get(entry.name)) is not None:
        with suppress(OSError):  # a file that cannot be read is kept
            if entry.is_file() and not entry.is_symlink() and is_ours(entry.read_bytes()):
                yield entry
    elif entry.is_dir() and not entry.is_symlink() and (run_id is None or is_export(entry, run_id)):
        yield from files_of_export(entry)


def _kept(entry: Path, run_id: str | None) -> Iterator[Path]:
    """Yield `entry`, or the files in it that are not from an export."""
    if entry.name not in EXPORTS or not any(True for _ in _exported(entry, run_id)):
        yield entry
    elif entry.is_dir() and not entry.is_symlink():
        yield from other_files(entry)


def _name(folder: Path | None, path: Path) -> str:
    return path.relative_to(folder).as_posix() if folder is not None else path.name


def _run_id(ledger: Ledger) -> str | None:
    """Return the run's id; None if its record is damaged."""
    try:
        run = ledger.read(names.RUN, Run)
    except LedgerCorrupt:
        return None
    return run.run_id if run is not None else None


def check_deletable(ledger: Ledger, orphaned: bool, wait: Callable[[float], object]) -> None:
    """Raises StillRunning if a coordinator works on the run, or may do so on a cluster. `orphaned`: the user says that
    none does on a cluster. `wait` sleeps for the given seconds (`fedtrain.runner.presence.working`)."""
    if _has_ended(ledger):
        return
    if found := working(ledger, wait):
        others = ", ".join(one.text for one in found)
        raise StillRunning(f"{ledger.url} is running ({others}). Stop `fedtrain run` with Ctrl-C first.")
    if not orphaned and not ran_on_one_machine(ledger):
        raise StillRunning(
            f"{ledger.url} has not ended, and a cluster may run it. Delete its FederatedTraining there: "
            f"`kubectl delete federatedtraining {ledger.name} -n {ledger.namespace}`. "
            "If no cluster has it any more, use --orphaned."
        )


def delete_run(ledger: Ledger) -> Deletion:
    """Delete the run and return what was deleted. Does not check whether the run is running. Raises StoreError,
    OSError."""
    deletion = plan_deletion(ledger)
    for file in deletion.files:
        file.unlink()
    for folder in {file.parent for file in deletion.files} - {run_folder(ledger)}:
        with suppress(OSError):  # it has other files
            folder.rmdir()
    for name in OBJECTS if ledger.size(names.RUN) is not None else _OF_LOST_RUN:
        ledger.delete(name)
    return deletion


def _has_ended(ledger: Ledger) -> bool:
    try:
        return ledger.read(names.END, End) is not None
    except LedgerCorrupt:
        return False
