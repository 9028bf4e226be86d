"""The owner's audit log: the chain shows changes, files follow each other, and repetitions add no line."""

from dataclasses import replace

import pytest

from fedtrain.contracts import audit
from fedtrain.contracts.audit import AuditEntry, AuditEvent, AuditFile, appended, event_after, faults, next_file
from fedtrain.contracts.digests import digest_bytes


def entry(event: AuditEvent = "Started", rule: str | None = None, message: str | None = None) -> AuditEntry:
    return AuditEntry(
        time="2025-06-01T12:00:00Z",
        event=event,
        hub="https://hub.example.org",
        namespace="federations",
        training="tickets",
        run="0123456789abcdef",
        task="tickets-1-train-bank-b-1-abcdef",
        uid="uid",
        work="Train",
        round=1,
        attempt=1,
        rule=rule,
        message=message,
    )


def log(lines: int = 3, start: AuditFile | None = None) -> AuditFile:
    file = start or AuditFile()
    for number in range(lines):
        file = appended(file, entry(message=f"number {number}"))
    return file


def edited(file: AuditFile, index: int, *replacement: str) -> AuditFile:
    lines = file.text.splitlines()
    lines[index : index + 1] = replacement
    return replace(file, text="".join(f"{line}\n" for line in lines))


def test_a_line_has_a_number_and_the_digest_of_the_line_before_it() -> None:
    first, second, _ = log().text.splitlines()
    lines = list(audit.entries(log()))
    assert [line.number for line in lines] == [1, 2, 3]
    assert lines[0].previous == audit.FIRST
    assert lines[2].previous == digest_bytes(second.encode())
    assert list(faults([log()])) == []
    assert first.startswith('{"attempt":1,"event":"Started"'), "the canonical bytes"


@pytest.mark.parametrize("index", [0, 1])
def test_a_changed_line_breaks_the_chain_at_the_next_one(index: int) -> None:
    line = log().text.splitlines()[index].replace("tickets", "others")
    found = list(faults([edited(log(), index, line)]))
    assert found == [f"file 1, line {index + 2}: does not follow the line before it"]


def test_a_removed_line_and_an_invalid_one_are_found() -> None:
    assert "file 1, line 2: has number 3" in list(faults([edited(log(), 1)]))
    assert "file 1, line 2: not a valid line" in list(faults([edited(log(), 1, "{}")]))


def test_files_follow_each_other_and_the_oldest_may_be_removed() -> None:
    first = log()
    second = log(2, next_file(first))
    third = next_file(second)
    assert list(faults([first, second, third])) == []
    assert list(faults([second, third])) == []
    assert list(faults([first, third])) == ["file 3 does not follow file 1"]
    assert [line.number for line in audit.entries(second)] == [4, 5]
    changed = edited(first, 2, first.text.splitlines()[2].replace("number 2", "other"))
    assert list(faults([first, log(2, next_file(changed))])) == ["file 2 does not follow file 1"]


def test_a_file_is_complete_before_another_line_could_exceed_its_size() -> None:
    size = audit.FILE_BYTES - audit.LINE_BYTES
    assert not AuditFile(text="x" * size).is_complete
    assert AuditFile(text="x" * (size + 1)).is_complete


@pytest.mark.parametrize(
    ("before", "event", "written"),
    [
        (None, "Started", "Started"),
        ("Started", "Started", None),
        ("Started", "Waiting", "Stopped"),
        ("Started", "Refused", "Stopped"),
        ("Stopped", "Waiting", None),
        ("Stopped", "Started", "Started"),
        ("Waiting", "Waiting", None),
        ("Waiting", "Started", "Started"),
        ("Waiting", "Refused", "Refused"),
        ("Started", "Finished", "Finished"),
        ("Finished", "Finished", None),
        ("Started", "Cancelled", "Cancelled"),
        ("Waiting", "Cancelled", None),
        (None, "Cancelled", None),
    ],
)
def test_what_a_line_is_written_for(before: AuditEvent | None, event: AuditEvent, written: AuditEvent | None) -> None:
    found = event_after(entry(before) if before else None, entry(event))
    assert (found.event if found else None) == written


def test_a_task_that_waits_for_another_reason_has_another_line() -> None:
    assert event_after(entry("Waiting", "windows"), entry("Waiting", "approval")) is not None
    assert event_after(entry("Stopped", "suspend"), entry("Waiting", "windows")) is not None
