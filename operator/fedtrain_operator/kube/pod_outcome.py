"""Why a task's pods failed: the trainer's outcome, or the kubelet's reason."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fedtrain.api.status_fields import LOG_LINES, LONGEST_LINE
from fedtrain.contracts.audit import SentObject
from fedtrain.contracts.exit_codes import EXIT_LEDGER, EXIT_REFUSED, EXIT_SPOOLED
from fedtrain.manifests.kinds import POD, Json
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster

LONGEST_REASON = 1000
_MOST_OBJECTS = 20
LEDGER_REFUSED = "LedgerRefused"
"""Reason in the status of a task whose trainer the ledger refused a read or a write."""


@dataclass(frozen=True)
class PodOutcome:
    """Why a task failed. `refused`: another attempt would not help. `ledger_refused`: the ledger refused a read or a
    write; the participant is not at fault. `spooled`: the update is trained, and the store did not take it."""

    refused: bool
    reason: str
    ledger_refused: bool = False
    spooled: bool = False


@dataclass(frozen=True)
class TrainerReport:
    """What the trainer says at its end. `sent`: what it wrote to the ledger; None if no pod says anything. `log`: its
    last lines, which contain no values of rows."""

    sent: tuple[SentObject, ...] | None = None
    log: tuple[str, ...] = ()


def report_of(pods: Sequence[Json]) -> TrainerReport:
    """The reports of all pods of a job."""
    sent: list[SentObject] | None = None
    log: list[str] = []
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses", ()):
            message = container.get("state", {}).get("terminated", {}).get("message")
            try:
                outcome: Any = json.loads(message or "")
                found = [SentObject.model_validate(one) for one in outcome["sent"]]
                log += [str(line)[:LONGEST_LINE] for line in outcome.get("log", ())]
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            sent = (sent or []) + found
    return TrainerReport(None if sent is None else tuple(sent[:_MOST_OBJECTS]), tuple(log[-LOG_LINES:]))


GONE = PodOutcome(False, "its pods no longer exist: they or their node were deleted")


async def read_outcome(cluster: Cluster, namespace: str, marks: dict[str, str]) -> PodOutcome:
    """The outcome of a failed job, whose pods have the labels `marks`. Raises ApiError if reading them may succeed
    later."""
    try:
        return outcome_of(await cluster.list(POD, namespace, marks))
    except ApiError as error:
        if error.may_pass:
            raise
        return PodOutcome(False, f"its pods cannot be read: {error}"[:LONGEST_REASON])


def outcome_of(pods: Sequence[Json]) -> PodOutcome:
    """The outcome of one failed job. A refusal of one pod explains the failures of the others, which lost a peer."""
    found = [one for pod in sorted(pods, key=_name) if (one := _of_pod(pod)) is not None]
    return next((one for one in found if one.refused or one.ledger_refused or one.spooled), found[0] if found else GONE)


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
    message = ": ".join(filter(None, (status.get("reason"), status.get("message"))))
    return PodOutcome(False, (message or f"pod {_name(pod)} failed")[:LONGEST_REASON])


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
        message = f"out of memory: pod {_name(pod)} used more than its limit. Raise its `compute.memory`"
    return PodOutcome(
        code == EXIT_REFUSED,
        message[:LONGEST_REASON],
        ledger_refused=code == EXIT_LEDGER,
        spooled=code == EXIT_SPOOLED,
    )


def _name(pod: Json) -> str:
    return pod["metadata"]["name"]
