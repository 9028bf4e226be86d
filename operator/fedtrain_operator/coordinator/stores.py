"""Opening the ledger of a training with the credentials of the training's Secret."""

import base64
from collections.abc import Mapping

from fedtrain.api.storage import Storage
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_client import Credentials, Patience
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError
from fedtrain.manifests.kinds import Json

PATIENCE = Patience(connect_seconds=5, read_seconds=10, attempts=2)
"""Short, because records are small and a failed pass is repeated: a store that hangs is reported soon."""

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class NoCredentials(Exception):
    """The Secret does not exist or lacks a key."""


def open_ledger(storage: Storage, namespace: str, name: str, secret: Json | None) -> Ledger:
    """`secret`: the one that the file names, or None. Raises StoreError, NoCredentials."""
    if storage.s3 is None:
        raise StoreError("storage.type must be S3 on a cluster, because pods share no folder.")
    credentials = _credentials(secret) if secret else None
    return Ledger(S3Store(storage.s3, patience=PATIENCE, credentials=credentials), namespace, name)


def copied(secret: Json) -> Mapping[str, str]:
    """The part of the Secret's data that a trainer needs, in base64."""
    return {key: value for key, value in (secret.get("data") or {}).items() if key in KEYS}


def _credentials(secret: Json) -> Credentials:
    plain = {key: base64.b64decode(value).decode() for key, value in copied(secret).items()}
    missing = [key for key in KEYS[:2] if not plain.get(key)]
    if missing:
        name = secret["metadata"]["name"]
        raise NoCredentials(f"the Secret {name!r} (storage.s3.credentialsSecretRef) has no {' and no '.join(missing)}")
    return Credentials(key_id=plain[KEYS[0]], secret=plain[KEYS[1]], token=plain.get(KEYS[2]))
