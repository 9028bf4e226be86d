"""Reading records that anybody with the store's keys may have written: what is not valid is described, not raised."""

from typing import TypeVar

from fedtrain.contracts.record import Record
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.record_kinds import OTHER_OBJECT, kind_of
from fedtrain.ledger.store import LedgerCorrupt

R = TypeVar("R", bound=Record)


def read_valid(ledger: Ledger, run_id: str, name: str, kind: type[R]) -> R | str | None:
    """The record `name` of this run; why the object is not one; None if it does not exist. Raises StoreError if the
    store can't be read."""
    expected = kind_of(name)
    if expected is None or expected.kind is not kind:
        return f"not the name of a {kind.__name__} record"
    try:
        record = ledger.read(name, kind)
    except LedgerCorrupt as error:
        return f"not a valid {kind.__name__} record: {error.problem}"
    if record is None:
        return None
    if record.run_id != run_id:
        return "belongs to another run"
    if expected.own_name(record) != name:
        return OTHER_OBJECT
    return record
