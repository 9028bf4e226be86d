"""The owner's audit log: one JSON object per line, each with the digest of the previous line. Pure.

A changed, removed or inserted line breaks the chain from there on. Lines that are cut off at the end do not: keep the
digest of the last line elsewhere to detect that.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import ValidationError

from fedtrain.api.base import Block
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import digest_bytes

FILE_BYTES = 256 * 1024
"""Size at which a file is complete."""
LINE_BYTES = 8 * 1024
"""Longest line. Texts of the hub are bounded far below it."""
FIRST = "blake3:" + "0" * 64
"""`previous` of the first line."""

AuditEvent = Literal["Started", "Finished", "Failed", "Stopped", "Cancelled", "Waiting", "Refused", "Omitted"]


class SentObject(Block):
    """An object that a task wrote to the ledger. `digest`: BLAKE3; None for telemetry."""

    name: str
    bytes: int
    digest: str | None = None


class AuditEntry(Block):
    """An event of a task. `hub`: URL of the hub's API server; `namespace`, `training`: who asked; `rule`: the field of
    the policy that refused, delayed or stopped the task; `sent`: None if the participant could not learn it."""

    time: str
    event: AuditEvent
    hub: str
    namespace: str
    training: str
    run: str
    task: str
    uid: str
    work: str
    round: int
    attempt: int
    dataset: str | None = None
    rule: str | None = None
    message: str | None = None
    sent: tuple[SentObject, ...] | None = None


class AuditLine(AuditEntry):
    """An entry in the log. `number` counts from 1."""

    number: int
    previous: str


@dataclass(frozen=True)
class AuditFile:
    """One file of the log. `number` counts from 1. `lines`, `previous`: number of lines of all earlier files, and the
    digest of the last of them."""

    number: int = 1
    text: str = ""
    lines: int = 0
    previous: str = FIRST

    @property
    def is_complete(self) -> bool:
        return len(self.text.encode()) > FILE_BYTES - LINE_BYTES


def entries(file: AuditFile) -> Iterator[AuditLine]:
    """Yield the valid lines. `faults` reports the others."""
    for line in file.text.splitlines():
        with suppress(ValidationError):
            yield AuditLine.model_validate_json(line)


def appended(file: AuditFile, entry: AuditEntry) -> AuditFile:
    """Return the file with one more line."""
    written = file.text.splitlines()
    previous = digest_bytes(written[-1].encode()) if written else file.previous
    place = {"number": file.lines + len(written) + 1, "previous": previous}
    line = AuditLine.model_validate(dict(entry) | place)  # the entry may be of a line that was read, with a place
    content = canonical_json(line.model_dump(mode="json", by_alias=True, exclude_none=True)).decode()
    return replace(file, text=f"{file.text}{content}\n")


def next_file(file: AuditFile) -> AuditFile:
    """Return the empty file after a complete one."""
    written = file.text.splitlines()
    return AuditFile(file.number + 1, "", file.lines + len(written), digest_bytes(written[-1].encode()))


def faults(files: Sequence[AuditFile]) -> Iterator[str]:
    """Yield what is wrong with a log. If the oldest files were removed, the chain is checked from the first one that
    remains."""
    before: AuditFile | None = None
    for file in files:
        start, previous = file.lines, file.previous
        if before is not None:
            expected = next_file(before) if before.text else before
            if (file.number, start, previous) != (expected.number, expected.lines, expected.previous):
                yield f"file {file.number} does not follow file {before.number}"
        for index, text in enumerate(file.text.splitlines(), start=start + 1):
            try:
                line = AuditLine.model_validate_json(text)
            except ValidationError:
                yield f"file {file.number}, line {index}: not a valid line"
            else:
                if line.number != index:
                    yield f"file {file.number}, line {index}: has number {line.number}"
                if line.previous != previous:
                    yield f"file {file.number}, line {index}: does not follow the line before it"
            previous = digest_bytes(text.encode())
        before = file


_NAMES = ("namespace", "training", "run", "work", "round", "attempt")


def named_as(started: AuditEntry | None, entry: AuditEntry) -> AuditEntry:
    """Return the entry with the names of what was started: a hub can relabel a task later."""
    if started is None or entry.event == "Started":
        return entry
    return entry.model_copy(update={name: getattr(started, name) for name in _NAMES})


def event_after(before: AuditEntry | None, entry: AuditEntry) -> AuditEntry | None:
    """Return the entry to write for a task whose newest entry is `before`; None if it says nothing new. A task that
    runs and is then refused or has to wait was stopped by the policy."""
    running = before is not None and before.event == "Started"
    if entry.event == "Cancelled" and not running:
        return None
    if running and entry.event in ("Waiting", "Refused"):
        entry = entry.model_copy(update={"event": "Stopped"})
    if before is None:
        return entry
    over = before.event in ("Finished", "Failed", "Refused", "Cancelled")
    stopped = before.event == "Stopped" and entry.event in ("Waiting", "Refused")
    same = (before.event == entry.event or stopped) and (before.rule, before.message) == (entry.rule, entry.message)
    return None if same or (over and before.event == entry.event) else entry
