"""The key of the fingerprints of rows, in a Secret of the participant's namespace: made once, before the first task."""

import base64
import secrets

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain_operator.kube.api_error import AlreadyExists, ApiError
from fedtrain_operator.participant.sites import Sites

_KEY = "key"
_BYTES = 32


async def ensure_key(sites: Sites, namespace: str) -> bool:
    """Write a key if the Secret has none. `namespace`: of the jobs. Returns False if another operator has written the
    Secret meanwhile. In a cluster of its own, the participant's chart creates the Secret: a right to create one could
    not be limited to a name. Raises ApiError."""
    at = Ref(namespace, labels.FINGERPRINT_SECRET)
    body = await sites.here.get(SECRET, at)
    data: Json = (body or {}).get("data") or {}
    if _KEY in data:
        return True
    data = {**data, _KEY: base64.b64encode(secrets.token_bytes(_BYTES)).decode()}
    if body is not None:
        return await sites.here.write_data(SECRET, body, data) is not None
    if sites.is_remote:
        raise ApiError(404, "NotFound", f"Secret {at} does not exist. Run helm upgrade")
    metadata = {"name": at.name, "namespace": namespace, "labels": labels.OURS}
    made = {"apiVersion": SECRET.api_version, "kind": SECRET.name, "metadata": metadata, "data": data}
    try:
        await sites.here.create(SECRET, made)
    except AlreadyExists:
        return False
    return True
