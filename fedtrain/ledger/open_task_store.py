"""How a trainer reaches the ledger: with signed requests at a participant on a cluster, else with keys."""

import os
from pathlib import Path

from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.transfer import GRANT_VARIABLE, SPOOL_VARIABLE, UPLOAD_VARIABLE
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.store import StoreError
from fedtrain.ledger.task_ledger import TaskLedger
from fedtrain.ledger.task_store import TaskStore

SPOOLED_OUTAGE_SECONDS = 60.0
"""Until an outage of the store ends a pod with GPUs whose update is in the spool."""


def open_task_store(assignment: Assignment) -> TaskStore:
    """Raises StoreError."""
    task, storage = assignment.task, assignment.binding.places.ledger
    path = os.environ.get(GRANT_VARIABLE)
    if path is None:
        return TaskLedger(open_ledger(storage, task.namespace, task.name), task)
    if storage.s3 is None:
        raise StoreError("storage.type must be S3 on a cluster, because pods share no folder.")
    from fedtrain.ledger.presigned_store import GrantFile, PresignedTaskStore  # botocore takes a while to import

    waits = SPOOLED_OUTAGE_SECONDS if SPOOL_VARIABLE in os.environ and UPLOAD_VARIABLE not in os.environ else None
    return PresignedTaskStore(task, storage.s3, GrantFile(Path(path), storage.s3).read, upload_outage_seconds=waits)
