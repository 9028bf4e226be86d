"""The status that a participant reports for a task. Pure."""

from collections.abc import Sequence

from fedtrain.manifests.conditions import Condition, holds, merged, shortened
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.launcher import Standing
from fedtrain.manifests.policy_check import Refusal, Wait
from fedtrain.manifests.timestamps import instant
from fedtrain_operator.kube.pod_outcome import LEDGER_REFUSED, PodOutcome
from fedtrain_operator.kube.pod_start import SCHEDULED, STARTED

UPLOADING = "Uploading"
TRAINED = Condition("Trained", "True", UPLOADING)
"""The condition of a task whose trained update waits for the store. It stays, whatever the job that uploads reports."""
TERMINAL = frozenset({"Succeeded", "Failed", "Refused", "Cancelled"})


def ended(body: Json) -> bool:
    """Whether a task has ended, as far as its status says."""
    return body.get("status", {}).get("phase") in TERMINAL


def refused(body: Json, refusal: Refusal, now: float) -> Json:
    return _ended(body, "Refused", refusal.reason, refusal.message, now)


def held(body: Json, wait: Wait, now: float) -> Json:
    """The policy lets the task wait, or stopped its pods."""
    waiting = Condition("Startable", "False", wait.reason, wait.message)
    return _status(body, "Pending", wait.reason, wait.message, now, [waiting])


def uploading(body: Json, message: str, now: float) -> Json:
    """The update is trained, and a pod without GPUs uploads it."""
    waiting = Condition("Startable", "False", UPLOADING, message)
    return _status(body, "Pending", UPLOADING, message, now, [waiting, TRAINED])


def uploads(body: Json) -> bool:
    """Whether the update of a task is trained, as far as its status says."""
    return holds(body.get("status", {}).get("conditions", ()), TRAINED.type)


def cancelled(body: Json, now: float) -> Json:
    return _ended(body, "Cancelled", "Cancelled", "cancelled by the hub", now)


def of_job(body: Json, standing: Standing, outcome: PodOutcome | None, waits: Condition | None, now: float) -> Json:
    """`outcome`: why the job failed. `waits`: why its pods do not start."""
    match standing.state:
        case "Succeeded":
            return _ended(body, "Succeeded", "Done", "", now)
        case "Failed":
            assert outcome is not None
            if outcome.refused:
                return _ended(body, "Refused", "TrainerRefused", outcome.reason, now)
            reason = LEDGER_REFUSED if outcome.ledger_refused else "TrainerFailed"
            return _ended(body, "Failed", reason, outcome.reason, now) | {"retryable": True}
        case "Running":
            current = [SCHEDULED, STARTED]
            started = body.get("status", {}).get("startedAt") or instant(now)
            return _status(body, "Running", "Running", "", now, current) | {"startedAt": started}
        case "Pending" if waits:
            current = [waits] if waits.type == SCHEDULED.type else [SCHEDULED, waits]
            return _status(body, "Pending", waits.reason, waits.message, now, current)
        case "Pending":
            before = body.get("status", {}).get("conditions", ())
            past = [Condition(one["type"], "Unknown", "Starting") for one in before if one["status"] == "False"]
            return _status(body, "Pending", "Starting", "", now, past)


def wanted(body: Json) -> bool:
    return body["spec"].get("desiredState", "Run") == "Run"


def _ended(body: Json, phase: str, reason: str, message: str, now: float) -> Json:
    return _status(body, phase, reason, message, now, ()) | {"endedAt": instant(now)}


def _status(body: Json, phase: str, reason: str, message: str, now: float, current: Sequence[Condition]) -> Json:
    generation = body["metadata"].get("generation", 1)
    before = body.get("status", {})
    status: Json = {
        "observedGeneration": generation,
        "phase": phase,
        "reason": reason,
        "message": shortened(message),
        "conditions": merged(before.get("conditions", ()), current, generation, now),
    }
    if "startedAt" in before:
        status["startedAt"] = before["startedAt"]
    return status
