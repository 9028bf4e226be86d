"""An update on its way to the ledger. Works without torch: a pod that only uploads what an earlier one trained."""

import logging
from pathlib import Path

from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.store import LedgerRefused, StoreError, StoreUnavailable
from fedtrain_trainer.context import Context
from fedtrain_trainer.outcome import Spooled

log = logging.getLogger("fedtrain.trainer")


def send(context: Context, path: Path, record: Update) -> Update:
    """Upload an update, then its record, which names the file in the ledger. Raises StoreError, and Spooled if a later
    pod can do it."""
    try:
        file, digest, size = context.ledger.put_update(path)
        norm = record.norm if digest == record.digest else None  # the file of an earlier execution has another norm
        named = record.model_copy(update={"file": file, "digest": digest, "size": size, "norm": norm})
        sent = context.ledger.put_record(named)
    except StoreError as error:
        if context.spool is None or not _may_be_taken_later(error):
            raise
        log.warning("%s", error)
        raise Spooled(error.public) from error
    if context.spool is not None:
        context.spool.clear()
    return sent


def _may_be_taken_later(error: StoreError) -> bool:
    """Whether the store is down, another server answers in its place, or somebody has to grant a permission."""
    return isinstance(error, (StoreUnavailable, LedgerRefused)) or error.unanswered is not None
