"""Pods without a running container long after their job was created, whatever the reason. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedtrain.manifests.conditions import find, holds
from fedtrain.manifests.kinds import Json
from fedtrain.plurals import several
from fedtrain_operator.kube.pod_fixes import fields_of

LONGEST_START_SECONDS = 40.0
"""Time after which pods that are missing or do not run are reported, although nothing says that they cannot start."""
_CONTROLLERS = {"PyTorchJob": "the training operator", "Job": "the cluster's controller manager"}


@dataclass(frozen=True)
class Late:
    """Why a pod has not started, as clauses without a period. `fix`: an imperative; empty where only the administrator
    of the cluster can help."""

    problem: str
    fix: str = ""

    def message(self, who: str) -> str:
        fix = self.fix or f"Ask {fields_of(who).administrator}"
        return f"{who}'s pod has not started: {self.problem}. {fix}"


def late_pods(who: str, pods: Sequence[Json], events: Mapping[str, Sequence[Json]]) -> str | None:
    """`bank-b's pod has not started: no scheduler has taken it ...`; None if every pod runs or fetches its image.
    `events`: of pods, by name, the newest last."""
    late = [pod for pod in pods if not has_started(pod)]
    for pod in sorted(late, key=_waits_for_init):
        found = events.get(pod["metadata"]["name"], ())
        if _fetches_image(found):
            return None
        return _reason(pod, found).message(who)
    return None


def missing_pods(who: str, kind: str, nodes: int, job: Json, pods: Sequence[Json]) -> str:
    """Why a job of `kind` has fewer pods than `nodes`, although no event gives a reason."""
    status, spec = job.get("status", {}), job.get("spec", {})
    suspended = find(status.get("conditions", ()), "Suspended") or {}
    if holds(status.get("conditions", ()), "Suspended") or spec.get("suspend"):
        by = (suspended.get("message") or "by a queue").rstrip(".")
        return f"{who}'s {kind} is suspended: {by}. It starts by itself once the queue admits it"
    if not status.get("conditions") and not status.get("startTime"):
        return f"{who}'s {kind} has no status. Check that {_CONTROLLERS.get(kind, 'its controller')} runs"
    check = f"Read the log of {_CONTROLLERS.get(kind, 'its controller')}"
    return f"{who}'s {kind} has {len(pods)} of {several(nodes, 'pod')}, and no event gives a reason. {check}"


def has_started(pod: Json) -> bool:
    """Whether a container, other than those that initialize the pod, runs or has run."""
    status = pod.get("status", {})
    states = (one.get("state", {}) for one in status.get("containerStatuses", ()))
    return status.get("phase", "Pending") != "Pending" or any("running" in one or "terminated" in one for one in states)


def count(event: Json) -> int:
    """Occurrences of an event. Events of the newer API count in `series`."""
    return max(event.get("count") or 1, (event.get("series") or {}).get("count") or 1)


def _reason(pod: Json, events: Sequence[Json]) -> Late:
    status, spec = pod.get("status", {}), pod.get("spec", {})
    scheduled = find(status.get("conditions", ()), "PodScheduled") or {}
    warnings = [event for event in events if event.get("type") == "Warning"]
    if warnings:
        return Late((warnings[-1].get("message") or warnings[-1]["reason"]).rstrip("."))
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(gate["name"] for gate in spec.get("schedulingGates", ()))
        return Late(f"its scheduling gates are not removed{f': {gates}' if gates else ''}")
    if not spec.get("nodeName") and scheduled.get("status") != "True":
        scheduler = spec.get("schedulerName", "default-scheduler")
        return Late("no scheduler has taken it", f"Check that the scheduler {scheduler} exists and runs")
    for container in status.get("initContainerStatuses", ()):
        if "running" in container.get("state", {}):
            return Late(f"its init container {container['name']} is still running")
    waiting = [_waiting(one) for one in status.get("containerStatuses", ())]
    if not any(waiting):
        return Late(
            f"the kubelet of node {spec.get('nodeName', '?')} has not reported it", "Check that the node is ready"
        )
    said = ": ".join(filter(None, (waiting[0].get("reason"), waiting[0].get("message"))))
    node = spec.get("nodeName", "?")
    return Late(f"its container waits on node {node} ({said or 'without a reason'}), and no event gives a reason")


def _waiting(container: Json) -> Json:
    return container.get("state", {}).get("waiting") or {}


def _waits_for_init(pod: Json) -> bool:
    """Whether an init container runs, which may wait for another pod of the job."""
    return any("running" in one.get("state", {}) for one in pod.get("status", {}).get("initContainerStatuses", ()))


def _fetches_image(events: Sequence[Json]) -> bool:
    """A large image takes minutes, and an error of the fetch is in the pod's status."""
    return bool(events) and events[-1].get("reason") == "Pulling"
