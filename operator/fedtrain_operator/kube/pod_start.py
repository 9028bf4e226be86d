"""Pods that wait: no node takes them, or they have a node and can't start there. In words."""

import re
from collections.abc import Mapping, Sequence

from fedtrain.api.participants import Compute
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import EVENT, Json
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.scheduling import unschedulable

SCHEDULED = Condition("Schedulable", "True", "Scheduled")
STARTED = Condition("Startable", "True", "Started")
IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"}
CONTAINER = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
VOLUME = {"FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox"}
"""Reasons of events: what is missing before there is a container stands nowhere else."""
REPEATED = 3
"""An event that comes so often is no matter of moments."""


async def why_they_wait(cluster: Cluster, who: str, compute: Compute, pods: Sequence[Json]) -> Condition | None:
    """The condition that is False: `Schedulable` or `Startable`; None when nothing is known to be wrong."""
    if said := unschedulable(who, compute, pods):
        return Condition("Schedulable", "False", "Unschedulable", said)
    events = {pod["metadata"]["name"]: await _events(cluster, pod) for pod in pods if _has_no_container(pod)}
    if said := unstartable(who, pods, events):
        return Condition("Startable", "False", "CannotStart", said)
    return None


def unstartable(who: str, pods: Sequence[Json], events: Mapping[str, Sequence[Json]]) -> str | None:
    """`bank-b's pod can't start: the image x:1 can't be fetched: not found`. `events`: of pods, by name. Pure."""
    for pod in pods:
        for container in _containers(pod):
            waiting = container.get("state", {}).get("waiting") or {}
            if waiting.get("reason") in IMAGE:
                return f"{who}'s pod can't start: the image {container['image']} can't be fetched{_detail(waiting)}"
            if waiting.get("reason") in CONTAINER:
                return f"{who}'s pod can't start: {waiting.get('message') or waiting['reason']}"
        for event in events.get(pod["metadata"]["name"], ()):
            if event.get("reason") in VOLUME and (event.get("count") or 1) >= REPEATED:
                return f"{who}'s pod can't start: {event.get('message') or event['reason']}"
    return None


def _detail(waiting: Json) -> str:
    """What the registry said; between two tries it stands behind the reason of the last one."""
    message = waiting.get("message") or ""
    said = message if waiting["reason"] == "ErrImagePull" else message.partition("ErrImagePull: ")[2]
    said = re.sub(r"^rpc error: code = \w+ desc = ", "", said)
    return f": {said}" if said else ""


def _containers(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _has_no_container(pod: Json) -> bool:
    """It has its node, and what comes before the first container takes its time."""
    waits = ((one.get("state", {}).get("waiting") or {}).get("reason") for one in _containers(pod))
    return any(reason in ("ContainerCreating", "PodInitializing") for reason in waits)


async def _events(cluster: Cluster, pod: Json) -> list[Json]:
    """The newest last."""
    metadata = pod["metadata"]
    found = await cluster.list(EVENT, metadata["namespace"], {}, fields=f"involvedObject.uid={metadata['uid']}")
    return sorted(found, key=lambda event: event.get("lastTimestamp") or "")
