"""From the bytes of an object to a record. Nothing that is wrong with the bytes raises anything but LedgerCorrupt."""

from typing import TypeVar

from pydantic import ValidationError

from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.record import Record
from fedtrain.contracts.untrusted_records import ParticipantRecord
from fedtrain.ledger.store import LedgerCorrupt

R = TypeVar("R", bound=Record)

_LONGEST_FIELD = 80
MISSING = "it is missing"
NEWER = "unknown field"
"""Begins the problem of a record that a newer fedtrain may have written."""


def parse(kind: type[R], content: bytes) -> R:
    """The record. Raises LedgerCorrupt, whose message names the field and never a value: a participant may have
    written it. A participant's record must have its canonical bytes, because others name it by its digest."""
    try:
        record = kind.model_validate_json(content)
    except ValidationError as error:
        raise LedgerCorrupt(problem_of(error)) from None
    if isinstance(record, ParticipantRecord) and not _is_canonical(record, content):
        raise LedgerCorrupt("it is not written as canonical JSON")
    return record


def _is_canonical(record: Record, content: bytes) -> bool:
    try:
        return canonical(record) == content
    except ValueError:  # a string that UTF-8 can't hold
        return False


def problem_of(error: ValidationError) -> str:
    """Return the first problem: its field and what is wrong, without the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "it is nested too deep" if "recursion" in first["msg"] else "it is not valid JSON"
    where = ".".join(map(str, first["loc"]))[:_LONGEST_FIELD]
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "extra_forbidden":
        return f"{NEWER} {where}"
    return f"{where or 'the object'}: {first['msg']}"
