"""How a task's pods ended: the trainer's outcome, or what the kubelet says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fedtrain.contracts.tasks import EXIT_REFUSED
from fedtrain.manifests.kinds import Json

LONGEST_REASON = 1000


@dataclass(frozen=True)
class PodOutcome:
    """Why a task failed. `refused`: trying again won't help."""

    refused: bool
    reason: str


GONE = PodOutcome(False, "its pods are gone: deleted, or their node is")


def verdict(pods: Sequence[Json]) -> PodOutcome:
    """Of the pods of one failed job. A refusal of one explains the failures of the others, which lost a peer."""
    found = [one for pod in sorted(pods, key=_name) if (one := _of_pod(pod)) is not None]
    return next((one for one in found if one.refused), found[0] if found else GONE)


def _of_pod(pod: Json) -> PodOutcome | None:
    status = pod.get("status", {})
    if status.get("phase") == "Failed" and status.get("reason"):  # the kubelet ended it: its containers say less
        return _of_kubelet(pod, status)
    for container in status.get("containerStatuses", ()):
        ended = container.get("state", {}).get("terminated")
        if ended is not None and ended.get("exitCode") != 0:
            return _of_container(pod, ended)
    return _of_kubelet(pod, status) if status.get("phase") == "Failed" else None


def _of_kubelet(pod: Json, status: Json) -> PodOutcome:
    said = ": ".join(filter(None, (status.get("reason"), status.get("message"))))
    return PodOutcome(False, (said or f"pod {_name(pod)} failed")[:LONGEST_REASON])


def _of_container(pod: Json, ended: Json) -> PodOutcome:
    """torchrun always exits with 1, so the outcome that the trainer wrote outranks the exit code. Any other text in the
    termination message may quote rows and is not reported."""
    code, message = ended["exitCode"], ""
    try:
        outcome: Any = json.loads(ended.get("message") or "")
        code, message = int(outcome["code"]), str(outcome["reason"])
    except (ValueError, KeyError, TypeError):
        pass
    if not message:
        message = f"pod {_name(pod)} ended with {ended.get('reason') or 'exit code'} {ended['exitCode']}"
    if ended.get("reason") == "OOMKilled":
        message = f"out of memory: pod {_name(pod)} used more than its limit"
    return PodOutcome(code == EXIT_REFUSED, message[:LONGEST_REASON])


def _name(pod: Json) -> str:
    return pod["metadata"]["name"]
