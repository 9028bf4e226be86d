"""Which Secrets a pod mounts: the credentials of its places, and at a participant the keys of fingerprints and of its
shares of noise. Pure.

Each place has its own Secret, so that no place uses the credentials of another. Signed requests are mounted by
`fedtrain.manifests.pod`: they belong to one task.
"""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.storage import S3Access, Storage
from fedtrain.contracts.places import Places
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.labels import FINGERPRINT_SECRET

NOISE = "noise"
"""Folder of the mounted Secret with the key of the shares of noise."""
FINGERPRINT = "fingerprint"
"""Folder of the mounted Secret with the key of fingerprints."""


def secrets_of_participant_pod(assignment: Assignment, policy: ParticipantPolicySpec) -> dict[str, str]:
    """Return the Secrets of a participant's task by folder. The key of noise is only for tasks that add a share."""
    secret = policy.privacy.noise_key_secret_ref
    noise = {NOISE: secret.name} if assignment.binding.noise_key and secret else {}
    return {**secrets_of_places(assignment.binding.places), FINGERPRINT: FINGERPRINT_SECRET, **noise}


def secrets_of_places(places: Places) -> dict[str, str]:
    """Return the Secrets with the credentials of places, by folder."""
    found = {**_secret("ledger", places.ledger.s3), **_secret(places.base.folder, places.base.s3)}
    for place in places.data:
        found |= _secret(place.folder, place.s3)
    return found


def secrets_of_aggregator(storage: Storage) -> dict[str, str]:
    """Return the Secret of the aggregator, which reads and writes the ledger only."""
    return _secret("ledger", storage.s3)


def _secret(place: str, s3: S3Access | None) -> dict[str, str]:
    return {place: s3.credentials_secret_ref.name} if s3 is not None and s3.credentials_secret_ref is not None else {}
