"""From the file's `storage` block to a store and a run's ledger."""

from pathlib import Path

from fedtrain.api.storage import File, Storage
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectStore, StoreError


def open_store(storage: Storage) -> ObjectStore:
    """The store that `storage` describes; `storage.file.path` is taken as it is (`fedtrain.local` has resolved
    it against the file). Raises StoreError if it can't be one."""
    if storage.type == "File":
        return FileStore(Path((storage.file or File()).path))
    if storage.s3 is None:
        raise StoreError("storage.type is S3, so storage.s3 must say at least which bucket.")
    from fedtrain.ledger.s3_store import S3Store  # boto3 takes a while to import, and most commands don't need it

    return S3Store(storage.s3)


def open_ledger(storage: Storage, namespace: str, name: str) -> Ledger:
    """The ledger of run `name`. Raises StoreError."""
    return Ledger(open_store(storage), namespace, name)
