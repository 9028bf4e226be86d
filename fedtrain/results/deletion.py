"""Deletes a run: the objects of its ledger, and what `fedtrain export`, `report` and `baseline` left in its folder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.contracts.run_end import End
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, StoreError
from fedtrain.results.charts.style import is_picture
from fedtrain.results.export_files import files_of_export, is_export
from fedtrain.results.folders import is_page
from fedtrain.results.locate import run_folder
from fedtrain.results.pooled_rows import POOLED, pooled_files
from fedtrain.results.run_phase import ran_on_one_machine
from fedtrain.results.series import is_csv
from fedtrain.runner.presence import working

OBJECTS = ("rounds", "preflight", "failures", names.INCOMING, names.COPIES, "blobs", "telemetry", names.END, names.RUN)
"""Objects and folders of a run, in the order of their deletion: as long as `run.json` exists, an interrupted deletion
can be repeated."""
_OF_LOST_RUN = (*OBJECTS[1:], OBJECTS[0])
"""The same without `run.json`: what remains is known by the records of its rounds."""
_FOLDERS = ("adapter", "model")
"""Default folders of `fedtrain export` in a run's folder."""
_FILES: Mapping[str, Callable[[bytes], bool]] = {
    "report.html": is_page,
    "report.csv": is_csv,
    "picture.png": is_picture,
}
"""Default files of `fedtrain report` and `baseline` in a run's folder, and whether such content is from fedtrain."""
INITIAL_ADAPTER = "initial-adapter"
"""Folder of the adapter from which `fedtrain baseline --personalise` continues, in the folder of the personal run."""


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
    folder, run = run_folder(ledger), _run(ledger)
    entries = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    files = [file for entry in entries for file in _written(entry, run)]
    kept = [path for entry in entries if entry.name not in OBJECTS for path in _kept(entry, run)]
    return Deletion(
        objects=len(objects),
        exports=tuple(dict.fromkeys(_name(folder, file).partition("/")[0] for file in files)),
        files=tuple(files),
        kept=tuple(_name(folder, path) for path in kept),
    )


def _written(entry: Path, run: Run | None) -> Iterator[Path]:
    """Yield the files of an export, or of other work of the run: `entry` itself, or files in it."""
    if (is_ours := _FILES.get(entry.name)) is not None:
        with suppress(OSError):  # a file that cannot be read is kept
            if entry.is_file() and not entry.is_symlink() and is_ours(entry.read_bytes()):
                yield entry
    elif not entry.is_dir() or entry.is_symlink():
        return
    elif entry.name in _FOLDERS:
        if run is None or is_export(entry, run.run_id):
            yield from files_of_export(entry)
    elif run is not None and entry.name in (POOLED, INITIAL_ADAPTER):
        with suppress(ValidationError):  # of another version: whether the files are the run's is unknown
            yield from _of_baseline(entry, FederatedTrainingSpec.model_validate(run.spec))


def _of_baseline(folder: Path, spec: FederatedTrainingSpec) -> tuple[Path, ...]:
    """Return the files that `fedtrain baseline` has written for a run: pooled rows, or the adapter to start from."""
    start = spec.model.adapter.initial_from
    if folder.name == POOLED:
        return pooled_files(folder, spec)
    return files_of_export(folder) if start is not None and Path(start.uri).name == INITIAL_ADAPTER else ()


def _kept(entry: Path, run: Run | None) -> Iterator[Path]:
    """Yield `entry`, or the files in it that the run has not written."""
    written = set(_written(entry, run))
    if not written:
        yield entry
    elif entry not in written:
        yield from sorted(set(entry.iterdir()) - written)


def _name(folder: Path | None, path: Path) -> str:
    return path.relative_to(folder).as_posix() if folder is not None else path.name


def _run(ledger: Ledger) -> Run | None:
    """Return the run's record; None if it is damaged."""
    try:
        return ledger.read(names.RUN, Run)
    except LedgerCorrupt:
        return None


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
