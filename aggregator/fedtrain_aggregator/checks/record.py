"""Check of an update's record against the close."""

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Closed
from fedtrain.contracts.untrusted_records import Update


def record_flaw(record: Update, closed: Closed) -> str | None:
    """Return why `record` is not that of the closed update; None if it is. Run, round, participant, attempt and digest
    need no check: the close was made from a record with this digest that passed them (`read_valid`)."""
    if digest_of(record) != closed.record:
        return "its record is not the one that the round was closed with"
    return None
