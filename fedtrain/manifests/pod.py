"""The pod of trainers and aggregators, which PodSecurity `restricted` admits. Pure."""

import json
from collections.abc import Mapping, Sequence

from fedtrain.api.storage import S3
from fedtrain.contracts.places import CREDENTIALS_FOLDER
from fedtrain.contracts.transfer import GRANT_VARIABLE, SPOOL_VARIABLE
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.labels import TRANSFER_SECRET
from fedtrain.manifests.mounted_secrets import FINGERPRINT, NOISE

ASSIGNMENT = "FEDTRAIN_ASSIGNMENT"
OUTCOME = "/dev/termination-log"
"""File for a task's result; the kubelet copies it to the pod's status."""
HOME = "/home/fedtrain"
CREDENTIALS = "/var/run/fedtrain"
"""Folder of the mounted Secrets, by place."""
NOISE_KEY = f"{CREDENTIALS}/{NOISE}/key"
FINGERPRINT_KEY = f"{CREDENTIALS}/{FINGERPRINT}/key"
TRANSFER = "/var/run/fedtrain-transfer"
"""Folder of the signed requests."""
GRANT = "grant.json.gz"
SPOOL = "/var/spool/fedtrain"
"""Folder of a task's trained update."""
USER = {
    "HOME": HOME,
    "USER": "fedtrain",
    "LOGNAME": "fedtrain",
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/torchinductor",
}
"""The cluster may choose a user ID without an entry in /etc/passwd, for which `getpass.getuser()` fails."""


def hardened(
    *,
    container: str,
    image: str,
    pull_policy: str,
    command: Sequence[str],
    assignment: str,
    credentials: Mapping[str, str],
    seconds: int,
    environment: Mapping[str, str] | None = None,
    resources: Json | None = None,
    shared_memory: bool = False,
    transfer: str | None = None,
    spool: str | None = None,
) -> Json:
    """Return the `spec` of a pod that runs once.

    Args:
        credentials: names of the Secrets that are mounted, by place (or `NOISE`, `FINGERPRINT`). They are files, not
            environment variables, so that a process sees when they change, and so that no place uses the credentials of
            another.
        seconds: time limit, which the kubelet enforces even if no controller runs.
        spool: claim of the volume for trained updates, of which the pod mounts the folder of its task.
        transfer: uid of the participant's task whose signed requests are mounted, and those of no other task.
    """
    volumes, mounts = _volumes(credentials, shared_memory, transfer, spool)
    variables = {ASSIGNMENT: assignment, **USER, **(environment or {})}
    if transfer is not None:
        variables[GRANT_VARIABLE] = f"{TRANSFER}/{GRANT}"
    if transfer is not None and spool is not None:
        variables[SPOOL_VARIABLE] = SPOOL
    if credentials:
        variables[CREDENTIALS_FOLDER] = CREDENTIALS
    main: Json = {
        "name": container,
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": list(command),
        "env": [{"name": name, "value": _literal(value)} for name, value in variables.items()],
        "terminationMessagePath": OUTCOME,
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if resources:
        main["resources"] = resources
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [main],
        "volumes": volumes,
    }


def ledger_of(pod: Json) -> S3:
    """Return bucket and endpoint of the ledger in the assignment of a pod's `spec`, which another version of fedtrain
    may have rendered."""
    assignment = next(item["value"] for item in pod["containers"][0]["env"] if item["name"] == ASSIGNMENT)
    s3: Json = json.loads(_unescaped(assignment))["binding"]["places"]["ledger"]["s3"]
    return S3(bucket=s3["bucket"], endpoint=s3.get("endpoint"))


def _literal(value: str) -> str:
    """Return a value that a pod reads as it is. Kubernetes reads `$$` as `$` and replaces `$(NAME)` in variables, and
    a task has text of users, such as patterns of metrics."""
    return value.replace("$", "$$")


def _unescaped(value: str) -> str:
    return value.replace("$$", "$")


def _volumes(
    credentials: Mapping[str, str], shared_memory: bool, transfer: str | None, spool: str | None
) -> tuple[list[Json], list[Json]]:
    """Return the volumes of a pod, and where its container mounts them."""
    volumes: list[Json] = [{"name": "scratch", "emptyDir": {}}, {"name": "home", "emptyDir": {}}]
    mounts: list[Json] = [{"name": "scratch", "mountPath": "/tmp"}, {"name": "home", "mountPath": HOME}]
    if shared_memory:  # processes of one node exchange tensors there; the default is 64 MiB
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory"}})
        mounts.append({"name": "shm", "mountPath": "/dev/shm"})
    if transfer is not None:
        items = [{"key": transfer, "path": GRANT}]
        volumes.append({"name": "transfer", "secret": {"secretName": TRANSFER_SECRET, "items": items}})
        mounts.append({"name": "transfer", "mountPath": TRANSFER})
    if transfer is not None and spool is not None:
        volumes.append({"name": "spool", "persistentVolumeClaim": {"claimName": spool}})
        mounts.append({"name": "spool", "mountPath": SPOOL, "subPath": transfer})
    for place, secret in credentials.items():
        name = f"{place}-credentials"
        volumes.append({"name": name, "secret": {"secretName": secret}})
        mounts.append({"name": name, "mountPath": f"{CREDENTIALS}/{place}", "readOnly": True})
    return volumes, mounts
