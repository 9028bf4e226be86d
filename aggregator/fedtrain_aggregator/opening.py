"""Everything about an update that shows before its values are read: its record, its size, its header."""

from contextlib import ExitStack

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import read_header
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Close, Closed, Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing
from fedtrain_aggregator import trained, weights
from fedtrain_aggregator.incoming import Incoming
from fedtrain_aggregator.trained import FLOAT, Trained


def open_update(
    ledger: Ledger, spec: FederatedTrainingSpec, close: Close, closed: Closed, expected: Trained, readers: ExitStack
) -> Incoming | str:
    """The update, open until `readers` is closed; or why it can't be aggregated, in words. Raises StoreError."""
    try:
        record = ledger.read(names.update(close.round, closed.participant, closed.attempt), Update)
    except LedgerCorrupt:
        return "its record is malformed"
    if record is None:
        return "its record is gone"
    flaw = _identity(record, close, closed) or weights.objection(spec, record)
    if flaw is not None:
        return flaw
    folder = names.update_folder(close.round, closed.participant, closed.attempt)
    try:
        reader = ledger.open(f"{folder}/{record.file}")
    except ObjectMissing:
        return "its object is gone"
    readers.callback(reader.close)
    if reader.size != record.size:
        return f"its file has {reader.size} bytes, but its record says {record.size}"
    if reader.size > expected.largest_file:
        return f"its file has {reader.size} bytes; {expected.count} float32 values take {expected.count * FLOAT}"
    try:
        found = read_header(reader, "its file")
    except AdapterFileError as error:
        return str(error).rstrip(".")
    return trained.objection(expected, found) or Incoming(closed, record, reader, expected)


def _identity(record: Update, close: Close, closed: Closed) -> str | None:
    """Why `record` isn't that of the closed update, in words."""
    if record.run_id != close.run_id:
        return f"its record is of run {record.run_id}"
    if (record.round, record.participant, record.attempt) != (close.round, closed.participant, closed.attempt):
        return f"its record is of round {record.round}, {record.participant}, attempt {record.attempt}"
    if record.digest != closed.digest:
        return f"its record says digest {record.digest}, but the round was closed with {closed.digest}"
    if digest_of(record) != closed.record:
        return "its record is not the one that the round was closed with"
    if "/" in record.file or record.file in ("", ".", ".."):
        return f"its record names {record.file!r:.200}, which is no file in its own folder"
    return None
