"""What OpenShift's SecurityContextConstraints `restricted-v2` refuse. They assign user IDs from a range."""

from collections.abc import Iterator

from hack.cluster.api import Json

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
OF_THE_HOST = ("hostNetwork", "hostPID", "hostIPC")
IDS = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"}
PROFILES: tuple[Json, ...] = ({}, {"type": "RuntimeDefault"})


def faults(pod: Json) -> list[str]:
    """The fields of a pod's spec that are refused."""
    return [*_pod(pod), *(fault for one in _containers(pod) for fault in _container(one))]


def _pod(pod: Json) -> Iterator[str]:
    yield from (name for name in OF_THE_HOST if pod.get(name))
    yield from sorted(IDS & pod.get("securityContext", {}).keys())
    if pod.get("securityContext", {}).get("seccompProfile", {}) not in PROFILES:
        yield "seccompProfile"
    for volume in pod.get("volumes", ()):
        yield from (f"volumes {kind}" for kind in volume.keys() - {"name"} - VOLUMES)


def _containers(pod: Json) -> list[Json]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def _container(container: Json) -> Iterator[str]:
    security = container.get("securityContext", {})
    yield from sorted(IDS & security.keys())
    if security.get("privileged") or security.get("allowPrivilegeEscalation") is not False:
        yield "privileges"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or "add" in security.get("capabilities", {}):
        yield "capabilities"
    if security.get("seccompProfile", {}) not in PROFILES:
        yield "seccompProfile"
    yield from ("hostPort" for port in container.get("ports", ()) if "hostPort" in port)
