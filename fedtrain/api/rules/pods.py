"""Rules on a policy's `pods`: what Kubernetes would refuse later, in every pod of every task."""

from collections.abc import Iterable

from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.rules.participants import repeated
from fedtrain.api.rules.subject import Found, Place, Problem, Problems

RESERVED = "FEDTRAIN_"
"""How the names of fedtrain's own variables begin."""


def pods_have_their_own_names(subject: object, policy: Found[ParticipantPolicy]) -> Problems:
    """`pods` names no volume, image pull secret or variable twice, and mounts nothing over another volume."""
    pods, place = policy.value.spec.pods, policy.place.at("spec", "pods")
    secrets, volumes, mounts = pods.image_pull_secrets, pods.volumes, pods.volume_mounts
    yield from repeated(_named((secret.name for secret in secrets), place.at("imagePullSecrets"), "name"), "secret")
    yield from repeated(_named((volume.name for volume in volumes), place.at("volumes"), "name"), "volume")
    yield from repeated(_named((variable.name for variable in pods.env), place.at("env"), "name"), "variable")
    yield from repeated(_named((m.mount_path for m in mounts), place.at("volumeMounts"), "mountPath"), "mount at")


def mounts_are_of_volumes(subject: object, policy: Found[ParticipantPolicy]) -> Problems:
    """Every one of `pods.volumeMounts` names one of `pods.volumes`."""
    pods, place = policy.value.spec.pods, policy.place.at("spec", "pods", "volumeMounts")
    names = [volume.name for volume in pods.volumes]
    for number, mount in enumerate(pods.volume_mounts):
        if mount.name not in names:
            fix = "Add it to spec.pods.volumes."
            yield Problem(place.at(number, "name"), f"There is no volume {mount.name}.", fix)


def variables_have_one_source(subject: object, policy: Found[ParticipantPolicy]) -> Problems:
    """One of `pods.env` has a `value`, or a `valueFrom` with one source."""
    place = policy.place.at("spec", "pods", "env")
    for number, variable in enumerate(policy.value.spec.pods.env):
        kept = variable.value_from
        if (variable.value is None) == (kept is None):
            message = f"{variable.name} has {'no value' if kept is None else 'a value and a valueFrom'}."
            yield Problem(place.at(number, "name"), message, "Write value: or valueFrom:, one of the two.")
        if kept is not None and (kept.secret_key_ref is None) == (kept.config_map_key_ref is None):
            message = f"{'Two sources are' if kept.secret_key_ref else 'No source is'} named."
            yield Problem(place.at(number, "valueFrom"), message, "Write secretKeyRef: or configMapKeyRef:.", key=True)


def fedtrains_variables_are_its_own(subject: object, policy: Found[ParticipantPolicy]) -> Problems:
    """No variable's name begins with FEDTRAIN_."""
    place = policy.place.at("spec", "pods", "env")
    for number, variable in enumerate(policy.value.spec.pods.env):
        if variable.name.startswith(RESERVED):
            message = f"{variable.name} is fedtrain's own: names that begin with {RESERVED} are."
            yield Problem(place.at(number, "name"), message, "Write another name, or remove it.")


def _named(names: Iterable[str], place: Place, field: str) -> Iterable[tuple[str, Place]]:
    return ((name, place.at(number, field)) for number, name in enumerate(names))
