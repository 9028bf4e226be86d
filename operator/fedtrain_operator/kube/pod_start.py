"""Why pods do not start: they are not created, no node takes them, or their node cannot start them."""

import re
from collections.abc import Mapping, Sequence

from fedtrain.api.participants import Compute
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import EVENT, Json, Kind
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.late_pods import count, has_started, late_pods, missing_pods
from fedtrain_operator.kube.pod_fixes import cannot_fetch, cannot_start, not_admitted
from fedtrain_operator.kube.scheduling import unschedulable

SCHEDULED = Condition("Schedulable", "True", "Scheduled")
STARTED = Condition("Startable", "True", "Started")
IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"}
CONTAINER = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
CRASHES = "CrashLoopBackOff"
NOT_CREATED = {"FailedCreate", "FailedCreatePod"}
"""Reasons of events of a Job and of a PyTorchJob whose pods the API server refuses."""
_ELSEWHERE = {"FailedScheduling", "BackOff"}
"""Reasons of events whose cause the pod's status has."""
_REFUSED_POD = re.compile(r'^pods? "[^"]*" is forbidden: ')
"""It names another pod at each try."""
REPEATED = 3
"""Occurrences after which a pod's event is not a passing one."""


async def why_pods_wait(
    cluster: Cluster, who: str, compute: Compute, kind: Kind, job: Json, pods: Sequence[Json], late: bool
) -> Condition | None:
    """The condition `Schedulable` or `Startable` that is False; None if no reason is known. `job`: the PyTorchJob or
    Job of the pods, of this `kind`. `late`: whether pods that do not run are reported although nothing says that they
    cannot start. Raises ApiError."""
    if message := unschedulable(who, compute, pods):
        return Condition("Schedulable", "False", "Unschedulable", message)
    waiting = [pod for pod in pods if not has_started(pod) and (late or _has_no_container(pod))]
    events = {pod["metadata"]["name"]: await _events(cluster, pod) for pod in waiting}
    if message := unstartable(who, pods, events) or (late_pods(who, waiting, events) if late else None):
        return Condition("Startable", "False", "CannotStart", message)
    if len(pods) >= compute.nodes:
        return None
    message = not_created(who, await _events(cluster, job))
    if message is None and late:
        message = missing_pods(who, kind.name, compute.nodes, job, pods)
    return Condition("Startable", "False", "NotCreated", message) if message else None


def unstartable(who: str, pods: Sequence[Json], events: Mapping[str, Sequence[Json]]) -> str | None:
    """`bank-b's pod can't start: its image can't be fetched (not found): x:1. ...`. `events`: of pods, by
    name. Pure."""
    for pod in pods:
        for container in _containers(pod):
            waiting = container.get("state", {}).get("waiting") or {}
            if waiting.get("reason") in IMAGE:
                return cannot_fetch(who, container["name"], container["image"], _answer(waiting))
            if waiting.get("reason") in CONTAINER:
                return cannot_start(who, waiting.get("message") or waiting["reason"])
            if waiting.get("reason") == CRASHES:
                name = container["name"]
                log = f"Read its log with `kubectl logs {pod['metadata']['name']} --container {name}`"
                return f"{who}'s pod can't start: its container {name} fails again and again{_exit(container)}. {log}"
        for event in events.get(pod["metadata"]["name"], ()):
            if _blocks(event) and count(event) >= REPEATED:
                return cannot_start(who, event.get("message") or event["reason"])
    return None


def not_created(who: str, events: Sequence[Json]) -> str | None:
    """`bank-b's pod can't be created: violates PodSecurity ...`. `events`: of the pods' job, the newest last. Pure."""
    messages = [event.get("message") or event["reason"] for event in events if event.get("reason") in NOT_CREATED]
    if not messages:
        return None
    refusal = _REFUSED_POD.sub("", messages[-1].removeprefix("Error creating: "))
    return not_admitted(who, "pod", refusal)


def _blocks(event: Json) -> bool:
    return event.get("type") == "Warning" and event.get("reason") not in _ELSEWHERE


def _answer(waiting: Json) -> str:
    """The registry's answer, or the reason. Between two tries it follows the reason of the last one."""
    message = waiting.get("message") or ""
    answer = message if waiting["reason"] == "ErrImagePull" else message.partition("ErrImagePull: ")[2]
    answer = re.sub(r"^rpc error: code = \w+ desc = ", "", answer)
    return answer or ("" if waiting["reason"] in ("ErrImagePull", "ImagePullBackOff") else waiting["reason"])


def _exit(container: Json) -> str:
    """The exit code of the last run. Its message may quote rows."""
    ended = (container.get("lastState") or {}).get("terminated") or {}
    return f" (exit code {ended['exitCode']})" if "exitCode" in ended else ""


def _containers(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _has_no_container(pod: Json) -> bool:
    """Whether the pod has its node, and waits for its first container."""
    waits = ((one.get("state", {}).get("waiting") or {}).get("reason") for one in _containers(pod))
    return any(reason in ("ContainerCreating", "PodInitializing") for reason in waits)


async def _events(cluster: Cluster, body: Json) -> list[Json]:
    """The newest last."""
    metadata = body["metadata"]
    found = await cluster.list(EVENT, metadata["namespace"], {}, fields=f"involvedObject.uid={metadata['uid']}")
    return sorted(found, key=_last_seen)


def _last_seen(event: Json) -> str:
    observed = (event.get("series") or {}).get("lastObservedTime")
    return observed or event.get("lastTimestamp") or event.get("eventTime") or ""
