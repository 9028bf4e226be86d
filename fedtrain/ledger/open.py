"""From the file's `storage` block to a store and a run's ledger."""

from pathlib import Path

from fedtrain.api.storage import File, Storage
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectStore, StoreError


def open_store(storage: Storage, reading: bool = False, by_address: bool = False) -> ObjectStore:
    """The store that `storage` describes; `storage.file.path` is taken as it is (`fedtrain.runner` has resolved
    it against the file). `reading`: nothing is written, and a bucket's server that hangs is reported soon.
    `by_address`: the user has named a bucket and no file, for messages. Raises StoreError if it can't be one."""
    if storage.type == "File":
        return FileStore(Path((storage.file or File()).path))
    if storage.s3 is None:
        raise StoreError("storage.type is S3, so storage.s3 must say at least which bucket.")
    from fedtrain.ledger.s3_client import BRIEF  # boto3 takes a while to import, and most commands don't need it
    from fedtrain.ledger.s3_store import S3Store

    return S3Store(storage.s3, patience=BRIEF if reading else None, by_address=by_address)


def open_ledger(storage: Storage, namespace: str, name: str, reading: bool = False, by_address: bool = False) -> Ledger:
    """The ledger of run `name`. `reading`, `by_address`: see `open_store`. Raises StoreError."""
    return Ledger(open_store(storage, reading, by_address), namespace, name)
