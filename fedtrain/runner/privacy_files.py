"""The owner's ledger of privacy on one machine: a hidden file beside each data set, with one line for each round. Its
place, and the ledgers of overlapping data, are found in `fedtrain.runner.privacy_places`.

A line is on disk before its task starts and never changes, so neither a crash nor `fedtrain delete` forgets a spend.
Writers lock the file. An incomplete last line is that of a writer that was killed, whose task never started: the next
writer removes it. A complete last line without a line break counts: an editor or a copy may have removed the break.
"""

import fcntl
import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fedtrain.api.base import Block
from fedtrain.api.participant_policy import Dataset
from fedtrain.api.reading.federation import Federation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Task
from fedtrain.ledger.store import StoreError
from fedtrain.manifests.policy_check import refusals_on_one_machine, task_of
from fedtrain.manifests.privacy_ledger import Entry, LedgerUnreadable, checked, entered, overlap, promised, run_of
from fedtrain.quoting import quoted
from fedtrain.runner.bindings import ledger_of
from fedtrain.runner.errors import RunError
from fedtrain.runner.privacy_places import Ledgers, ledgers_of


class Line(Block):
    """One training's entry after a round. The newest line of a participant, run and data set counts. `bucket`: URI of
    data in a bucket."""

    participant: str
    run_id: str
    bucket: str | None = None
    entry: Entry


def entries_of_data(federation: Federation, datasets: Iterable[Dataset]) -> dict[str, Entry]:
    """Return the entries of data sets of one participant by key. Entries of other participants with the same data, and
    of other names of the data, are among them. Raises LedgerUnreadable."""
    found: dict[str, Entry] = {}
    for dataset in datasets:
        ledgers = ledgers_of(federation, dataset)
        read = [_lines(path, content) for path in _paths(ledgers) if (content := _content(path)) is not None]
        found |= _named(read, dataset.name, ledgers)
    return found


def _paths(ledgers: Ledgers) -> tuple[Path, ...]:
    return (*ledgers.own, *ledgers.related)


def _content(path: Path) -> bytes | None:
    """Return the content of a ledger; None if there is none. Raises LedgerUnreadable."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def _named(read: Iterable[Iterable[Line]], dataset: str, ledgers: Ledgers) -> dict[str, Entry]:
    """Return the entries of several ledgers by key, as those of the data set `dataset`. A run that several ledgers have
    counts once."""
    found: dict[str, Entry] = {}
    for lines in read:
        newest: dict[str, Entry] = {}
        for line in lines:
            if ledgers.bucket is not None and not overlap(line.bucket or "", ledgers.bucket):
                continue
            name = line.entry.dataset
            key = f"{line.participant}.{dataset}.{line.run_id}" + ("" if name == dataset else f", data set {name}")
            newest[key] = line.entry.model_copy(update={"dataset": dataset})
        for key, entry in newest.items():
            if key not in found or sum(entry.releases.values()) > sum(found[key].releases.values()):
                found[key] = entry
    return found


def spent_by_others(federation: Federation, *, limited: bool = True) -> dict[str, dict[str, Entry]]:
    """Return the entries of all trainings but the federation's own run, by participant and key. The run's own rounds do
    not count against the run when it is resumed. `limited`: only of policies that limit the privacy loss. Raises
    LedgerUnreadable."""
    datasets, metadata = federation.training.spec.data.names, federation.training.metadata
    found = {
        who: entries_of_data(federation, (one for one in policy.spec.datasets if one.name in datasets))
        for who, policy in federation.policies.items()
        if not limited or policy.spec.privacy.max_epsilon is not None
    }
    same = {
        (who, key)
        for who, entries in found.items()
        for key, entry in entries.items()
        if (entry.namespace, entry.name) == (metadata.namespace, metadata.name)
    }
    own = _run_id(federation) if same else None
    return {
        who: {key: entry for key, entry in entries.items() if own is None or run_of(key).partition(",")[0] != own}
        for who, entries in found.items()
    }


def _run_id(federation: Federation) -> str | None:
    """The ID of the federation's run; None if it has not begun, or if its ledger does not answer."""
    with suppress(StoreError):
        run = ledger_of(federation).read(names.RUN, Run)
        return run.run_id if run is not None else None
    return None


def enter(federation: Federation, order: TrainingTaskSpec) -> str | None:
    """Return why the participant's policy refuses a task, or None. The round of a task that promises privacy is entered
    into the ledgers of its data sets, unless it is refused. Raises RunError if a ledger cannot be read or written."""
    task = task_of(order)
    policy = federation.policies[task.participant or ""].spec
    if promised(task) is None:
        refusal = next(refusals_on_one_machine(order, policy), None)
        return refusal.message if refusal else None
    datasets = policy.named(task.data.names)
    try:
        with ExitStack() as stack:
            places, files = _locked_all(stack, federation, datasets)
            spent: dict[str, Entry] = {}
            for name, ledgers in places.items():
                spent |= _named((files[path].lines for path in _paths(ledgers)), name, ledgers)
            if (refusal := next(refusals_on_one_machine(order, policy, spent), None)) is not None:
                command = f"fedtrain participant privacy --file {quoted(federation.path)}"
                listed = f". `{command}` lists the trainings" if refusal.rule == "privacy.maxEpsilon" else ""
                return f"{refusal.message}{listed}"
            new = _new(task, spent, places, files)
            for path in sorted({path for ledgers in places.values() for path in ledgers.own}):
                # Also without lines: a run that was killed may have written them and not waited for the disk.
                files[path].append(new.get(path, ()))
    except LedgerUnreadable as error:
        raise RunError(str(error)) from error
    return None


def _locked_all(
    stack: ExitStack, federation: Federation, datasets: Iterable[Dataset]
) -> tuple[dict[str, Ledgers], dict[Path, "_File"]]:
    """Create and lock the ledgers of data sets, with those of overlapping data. Two runs on overlapping data at the
    same time both create theirs before they look for others, so at least one of them waits for the other. Raises
    LedgerUnreadable."""

    def found() -> dict[str, Ledgers]:
        return {dataset.name: ledgers_of(federation, dataset) for dataset in datasets}

    for ledgers in found().values():
        for path in ledgers.own:
            _create(path)
    while True:
        places = found()
        own = {path for ledgers in places.values() for path in ledgers.own}
        with ExitStack() as attempt:
            paths = sorted(own.union(*(ledgers.related for ledgers in places.values())))
            files = {path: attempt.enter_context(_locked(path, own=path in own)) for path in paths}
            if found() == places:
                stack.push(attempt.pop_all())
                return places, files


def _new(
    task: Task, spent: Mapping[str, Entry], places: Mapping[str, Ledgers], files: Mapping[Path, "_File"]
) -> dict[Path, list[Line]]:
    """Return the lines of a task that the ledgers of its data lack, by file. A run that was killed may have entered the
    round into some of them."""
    found: dict[Path, list[Line]] = {}
    for key, entry in entered(spent, task).items():
        ledgers = places[entry.dataset]
        line = Line(participant=task.participant or "", run_id=task.run_id, bucket=ledgers.bucket, entry=entry)
        for path in ledgers.own:
            if _named([files[path].lines], entry.dataset, ledgers).get(key) != entry:
                found.setdefault(path, []).append(line)
    return found


@dataclass(frozen=True)
class _File:
    """A ledger that this process has locked. `lines`: what was read."""

    path: Path
    file: BinaryIO
    lines: tuple[Line, ...]

    def append(self, lines: Iterable[Line]) -> None:
        """Return once the lines, and those before them, are on disk. Raises LedgerUnreadable."""
        try:
            for line in lines:
                self.file.write(line.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
            self.file.flush()
            os.fsync(self.file.fileno())
            with _folder(self.path.parent) as descriptor:
                os.fsync(descriptor)
        except OSError as error:
            raise _unusable(self.path, error) from error


def _create(path: Path) -> None:
    """Create a ledger if it does not exist. Raises LedgerUnreadable."""
    try:
        path.open("ab").close()
    except OSError as error:
        raise _unusable(path, error) from error


@contextmanager
def _locked(path: Path, *, own: bool) -> Generator[_File]:
    """Open and lock a ledger. Only an own one is written. Raises LedgerUnreadable."""
    try:
        file = path.open("a+b" if own else "rb")
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if own else fcntl.LOCK_SH)
            file.seek(0)
            content = file.read()
            if own:
                whole = _whole(content)
                file.truncate(min(len(whole), len(content)))
                file.write(whole[len(content) :])
        except OSError as error:
            raise _unusable(path, error) from error
        yield _File(path, file, _lines(path, content))
    finally:
        try:
            file.close()
        except OSError as error:  # it writes again what a full disk did not take
            raise _unusable(path, error) from error


@contextmanager
def _folder(path: Path) -> Generator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _whole(content: bytes) -> bytes:
    """Return the complete lines, each with a line break."""
    end = content.rfind(b"\n") + 1
    try:
        Line.model_validate_json(content[end:])
    except ValueError:
        return content[:end]
    return content + b"\n"


def _lines(path: Path, content: bytes) -> tuple[Line, ...]:
    """Return the whole lines. Raises LedgerUnreadable."""
    found: list[Line] = []
    for number, text in enumerate(_whole(content).split(b"\n")[:-1], start=1):
        try:
            line = Line.model_validate_json(text)
            checked(line.entry)
        except ValueError as error:
            raise LedgerUnreadable(
                f"{path}:{number}: this line of the ledger of privacy cannot be read. Restore the file from a backup: "
                "without it, the privacy loss of the data is not known"
            ) from error
        found.append(line)
    return tuple(found)


def _unusable(path: Path, error: OSError) -> LedgerUnreadable:
    return LedgerUnreadable(
        f"{path}: the ledger of privacy cannot be used ({error.strerror}). Let this user read and write the file, and "
        "create it in its folder: a private training enters each round there before it trains"
    )
