"""An update on its way to the ledger. Works without torch: a pod that only uploads what an earlier one trained."""

import logging
from pathlib import Path

from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.store import LedgerRefused, StoreUnavailable
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
    except (StoreUnavailable, LedgerRefused) as error:
        if context.spool is None:
            raise
        log.warning("%s", error)
        raise Spooled(error.public) from error
    if context.spool is not None:
        context.spool.clear()
    return sent
