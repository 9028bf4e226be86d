"""Rules on the volumes and mounts of pods: what Kubernetes would refuse for each pod, and what fedtrain uses."""

import re

from fedtrain.api.pods import Pods, Volume, VolumeMount
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Violations, broken, regex, rule
from fedtrain.api.rules.unique import unique

RESERVED_NAMES = "^(scratch|home|shm|transfer|spool|(ledger|base|data(-[0-9]+)?|noise|fingerprint)-credentials)$"
"""Volumes that fedtrain defines in its pods."""
RESERVED_PATHS = "^(/tmp|/dev/shm|/home/fedtrain|/var/spool/fedtrain|/var/run/fedtrain(-transfer)?(/.*)?)/?$"
"""Where fedtrain mounts them."""
_MOUNT_PATH = "^/[^:]*$"

volumes_are_unique = unique(Pods, "volumes", "volume", "name")
mounts_are_unique = unique(Pods, "volumeMounts", "mount path", "mountPath")

_EXISTS = "has(self.volumes) && self.volumes.exists(v, v.name == m.name)"


@rule(
    Pods,
    "volumeMounts",
    message="The volume {name} does not exist.",
    fix="Add it to `volumes`.",
    cel=Cel(
        valid=f"!has(self.volumeMounts) || self.volumeMounts.all(m, {_EXISTS})",
        values={"name": f"self.volumeMounts.filter(m, !({_EXISTS}))[0].name"},
    ),
)
def mounts_have_volumes(pods: Pods, context: Context) -> Violations:
    """Each of `pods.volumeMounts` names one of `pods.volumes`."""
    names = {volume.name for volume in pods.volumes}
    for number, mount in enumerate(pods.volume_mounts):
        if mount.name not in names:
            yield broken("volumeMounts", number, "name", name=mount.name)


@rule(
    Volume,
    "name",
    message="The name {name} is reserved: fedtrain defines a volume {name} in its pods.",
    fix="Use another name here and in `volumeMounts`.",
    cel=Cel(valid=f"!self.matches({regex(RESERVED_NAMES)})", values={"name": "self"}, of_field=True),
    reason="FieldValueForbidden",
)
def volume_is_not_reserved(volume: Volume, context: Context) -> Violations:
    """No volume has the name of a volume that fedtrain defines."""
    if re.search(RESERVED_NAMES, volume.name):
        yield broken(name=volume.name)


@rule(
    VolumeMount,
    "mountPath",
    message="{path} is not an absolute path without colons.",
    fix="Use a path such as `/data`.",
    cel=Cel(valid=f"self.matches({regex(_MOUNT_PATH)})", values={"path": "self"}, of_field=True),
)
def mount_path_is_absolute(mount: VolumeMount, context: Context) -> Violations:
    """`mountPath` is an absolute path without colons, as Kubernetes requires."""
    if not re.search(_MOUNT_PATH, mount.mount_path):
        yield broken(path=mount.mount_path)


@rule(
    VolumeMount,
    "mountPath",
    message="{path} is reserved: fedtrain mounts a volume there.",
    fix="Use another path, such as `/data`.",
    cel=Cel(valid=f"!self.matches({regex(RESERVED_PATHS)})", values={"path": "self"}, of_field=True),
    reason="FieldValueForbidden",
)
def mount_path_is_not_reserved(mount: VolumeMount, context: Context) -> Violations:
    """No `mountPath` is a folder that fedtrain mounts."""
    if re.search(RESERVED_PATHS, mount.mount_path):
        yield broken(path=mount.mount_path)
