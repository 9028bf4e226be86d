"""Opening an update: its record, its size and its header are checked before any value is read."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Closed
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing, ObjectReader
from fedtrain_aggregator.checks.record import record_flaw
from fedtrain_aggregator.checks.tensors import HeaderCheck
from fedtrain_aggregator.combine.weights import weight_flaw
from fedtrain_aggregator.decode import Float32
from fedtrain_aggregator.engine.update import OpenUpdate
from fedtrain_aggregator.layout import FLOAT32_BYTES, Layout

_REQUESTS = 8
"""Updates opened at a time: each takes several requests to an object store."""


def open_updates(
    ledger: Ledger, spec: FederatedTrainingSpec, close: Close, layout: Layout, readers: ExitStack
) -> Sequence[OpenUpdate | str]:
    """Return each update of `close`, open until `readers` is closed, or why it cannot be aggregated. Raises
    StoreError."""

    headers = HeaderCheck(layout)

    def opened(closed: Closed) -> OpenUpdate | str:
        return _open(ledger, spec, close, closed, layout, headers, lambda reader: readers.callback(reader.close))

    first, *others = close.updates
    found = [opened(first)]  # alone, so that the others meet a known header
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return [*found, *pool.map(opened, others)]


def _open(
    ledger: Ledger,
    spec: FederatedTrainingSpec,
    close: Close,
    closed: Closed,
    layout: Layout,
    headers: HeaderCheck,
    keep: Callable[[ObjectReader], object],
) -> OpenUpdate | str:
    try:
        record = ledger.read(names.update(close.round, closed.participant, closed.attempt), Update)
    except LedgerCorrupt:
        return "its record is malformed"
    if record is None:
        return "its record is gone"
    flaw = record_flaw(record, closed) or weight_flaw(spec, record)
    if flaw is not None:
        return flaw
    folder = names.update_folder(close.round, closed.participant, closed.attempt)
    try:
        reader = ledger.open(f"{folder}/{record.file}")
    except ObjectMissing:
        return "its object is gone"
    keep(reader)
    flaw = _size_flaw(reader.size, record, layout) or headers.flaw(reader)
    reader.release()
    return flaw or OpenUpdate(closed, record, reader, Float32(reader.size - layout.count * FLOAT32_BYTES))


def _size_flaw(size: int, record: Update, layout: Layout) -> str | None:
    """Return why a file of `size` bytes is not the update of `record`; None if it may be."""
    if size != record.size:
        return f"its file has {size} bytes, but its record says {record.size}"
    if size > layout.largest_file:
        return f"its file has {size} bytes; {layout.count} float32 values take {layout.count * FLOAT32_BYTES}"
    return None
