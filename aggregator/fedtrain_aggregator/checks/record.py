"""Checks of an update's record against the close."""

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Close, Closed, Update


def record_flaw(record: Update, close: Close, closed: Closed) -> str | None:
    """Return why `record` is not that of the closed update; None if it is."""
    if record.run_id != close.run_id:
        return f"its record is of run {record.run_id}"
    if (record.round, record.participant, record.attempt) != (close.round, closed.participant, closed.attempt):
        return f"its record is of round {record.round}, {record.participant}, attempt {record.attempt}"
    if record.digest != closed.digest:
        return f"its record says digest {record.digest}, but the round was closed with {closed.digest}"
    if digest_of(record) != closed.record:
        return "its record is not the one that the round was closed with"
    return None
