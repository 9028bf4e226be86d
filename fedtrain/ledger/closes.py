"""The close that follows another one in a round."""

from fedtrain.contracts import names
from fedtrain.contracts.records import Close
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.valid_records import read_valid


def takes_away(before: Close, after: Close) -> bool:
    """Whether `after` lists updates of `before` only, in the same order: an aggregator's close never adds one."""
    return list(after.updates) == [update for update in before.updates if update in after.updates]


def next_close(ledger: Ledger, close: Close) -> tuple[int, Close | None]:
    """The number of the close that follows `close`, and that close if it exists. Skips names that strays have taken.
    Raises StoreError."""
    k = close.k + 1
    while True:
        found = read_valid(ledger, close.run_id, names.close(close.round, k), Close)
        if found is None or (isinstance(found, Close) and takes_away(close, found)):
            return k, found
        k += 1
