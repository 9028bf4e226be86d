"""Opening the ledger of a training with the credentials of the training's Secret."""

import base64
from collections.abc import Mapping

from fedtrain.api.storage import Storage
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_credentials import KEYS, Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError
from fedtrain.ledger.task_requests import Grants
from fedtrain.manifests.kinds import Json

PATIENCE = Patience(connect_seconds=5, read_seconds=10, attempts=2)
"""Short, because records are small and a failed pass is repeated: a store that hangs is reported soon."""


class NoCredentials(Exception):
    """The Secret does not exist or lacks a key."""


def open_ledger(storage: Storage, namespace: str, name: str, secret: Json | None) -> Ledger:
    """`secret`: the one that the file names, or None. Raises StoreError, NoCredentials."""
    if storage.s3 is None:
        raise StoreError("storage.type must be S3 on a cluster, because pods share no folder.")
    credentials = _credentials(secret) if secret else None
    return Ledger(S3Store(storage.s3, patience=PATIENCE, credentials=credentials), namespace, name)


def open_grants(ledger: Ledger, run_id: str) -> Grants:
    """What signs the requests of participants' tasks."""
    assert isinstance(ledger.store, S3Store)  # see open_ledger
    return Grants(ledger.store, ledger, run_id)


def _credentials(secret: Json) -> Fixed:
    """The client is recreated when the Secret changes."""
    data: Mapping[str, str] = secret.get("data") or {}
    plain = {key: base64.b64decode(value) for key, value in data.items() if key in KEYS}
    try:
        return Fixed(Keys.of(plain, f"the Secret {secret['metadata']['name']!r} (storage.s3.credentialsSecretRef)"))
    except StoreError as error:
        raise NoCredentials(str(error).removesuffix(".")) from error
