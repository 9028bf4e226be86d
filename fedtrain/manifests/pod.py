"""The pod that trainers and aggregators run in: hardened, its scratch space in memory or on the node."""

from collections.abc import Mapping, Sequence

from fedtrain.manifests.kinds import Json

ASSIGNMENT = "FEDTRAIN_ASSIGNMENT"
OUTCOME = "/dev/termination-log"
"""Where a task says how it ended; the kubelet puts it into the pod's status."""
HOME = "/home/fedtrain"
USER = 65532


def hardened(
    *,
    container: str,
    image: str,
    pull_policy: str,
    command: Sequence[str],
    assignment: str,
    credentials: str | None,
    seconds: int,
    environment: Mapping[str, str] | None = None,
    resources: Json | None = None,
    shared_memory: bool = False,
) -> Json:
    """The `spec` of a pod that runs once. `credentials`: the Secret whose keys become the environment.
    `seconds`: how long it may run; the kubelet sees to that, whoever else is gone."""
    mounts = {"scratch": "/tmp", "home": HOME}
    volumes: list[Json] = [{"name": "scratch", "emptyDir": {}}, {"name": "home", "emptyDir": {}}]
    if shared_memory:  # what processes of one node exchange tensors through; the container's own is 64 MiB
        mounts["shm"] = "/dev/shm"
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory"}})
    variables = {ASSIGNMENT: assignment, "HOME": HOME, **(environment or {})}
    main: Json = {
        "name": container,
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": list(command),
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "terminationMessagePath": OUTCOME,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if credentials is not None:
        main["envFrom"] = [{"secretRef": {"name": credentials}}]
    if resources:
        main["resources"] = resources
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [main],
        "volumes": volumes,
    }
