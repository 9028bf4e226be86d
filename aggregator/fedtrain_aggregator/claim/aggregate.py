"""Claim of an aggregate: first the blobs, then the record."""

from collections.abc import Sequence
from pathlib import Path

from fedtrain.contracts import names
from fedtrain.contracts.privacy_blocks import NoisyMean
from fedtrain.contracts.records import Aggregate, Close, Weight
from fedtrain.ledger.ledger import Ledger


def claim_aggregate(
    ledger: Ledger,
    close: Close,
    adapter: Path,
    state: Path | None,
    weights: Sequence[Weight],
    update_norm: float,
    privacy: NoisyMean | None = None,
) -> Aggregate:
    """Write both files and `aggregate-<k>.json`, and return the one that the ledger has then. Raises StoreError,
    OSError."""
    made = Aggregate(
        run_id=close.run_id,
        round=close.round,
        k=close.k,
        adapter=ledger.put_blob(adapter),
        state=ledger.put_blob(state) if state is not None else None,
        weights=tuple(weights),
        update_norm=update_norm,
        privacy=privacy,
    )
    return ledger.claim(names.aggregate(close.round, close.k), made)
