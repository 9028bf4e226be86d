"""Which round made the adapter that a round ended with: that round, or an earlier one if it was skipped or rolled back.
Its evaluation is that adapter's; the evaluation of a round that was rolled back is of the adapter that was rejected."""

from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger


def made_adapter_of(ledger: Ledger, round: int) -> Manifest | None:
    """Return the manifest of the round that made the adapter after `round`; None if `round` is not recorded. Raises
    LedgerCorrupt, StoreError."""
    for number in range(round, -1, -1):
        manifest = ledger.read(names.manifest(number), Manifest)
        if manifest is None or manifest.made_adapter:
            return manifest
    return None
