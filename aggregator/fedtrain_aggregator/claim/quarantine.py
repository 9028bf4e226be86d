"""Claim of the next close, without the updates that failed a check."""

from collections.abc import Sequence

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Quarantined
from fedtrain.ledger.closes import next_close
from fedtrain.ledger.ledger import Ledger


def claim_next_close(ledger: Ledger, close: Close, reasons: Sequence[str | None]) -> Close:
    """Write the next close with the updates that have no reason to be left out, and return the one that the ledger has
    then. Raises StoreError."""
    pairs = list(zip(close.updates, reasons, strict=True))
    bad = [Quarantined(participant=u.participant, attempt=u.attempt, reason=reason) for u, reason in pairs if reason]
    following = close.model_copy(
        update={
            "k": next_close(ledger, close)[0],
            "updates": tuple(update for update, reason in pairs if not reason),
            "quarantined": (*close.quarantined, *bad),
        }
    )
    return ledger.claim(names.close(close.round, following.k), following)
