"""TrainingTasks and Jobs as executions, which a decision reads. Pure, but for the memory of when an end was seen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.manifests import labels
from fedtrain.manifests.conditions import holds
from fedtrain.manifests.kinds import Json
from fedtrain.plain_text import plain_text
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain_operator.kube.pod_outcome import LEDGER_REFUSED, PodOutcome

RUNNING = Execution("Running")
TERMINAL = ("Succeeded", "Failed", "Refused", "Cancelled")


def cancelled(task: Json) -> bool:
    """Whether a task was asked to stop. It then counts as missing: one that is wanted again is created again."""
    return task["spec"].get("desiredState") == "Cancel" or task.get("status", {}).get("phase") == "Cancelled"


def being_deleted(body: Json) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))


def failed(job: Json) -> bool:
    return holds(job.get("status", {}).get("conditions", ()), "Failed")


def who_of(task: Json) -> str:
    """The participant of a TrainingTask."""
    metadata = task["metadata"]
    return (metadata.get("labels") or {}).get(labels.PARTICIPANT) or f"namespace {metadata['namespace']}"


def over(body: Json) -> bool:
    """Whether a TrainingTask or a Job has ended; objects of a list do not name their kind."""
    status = body.get("status", {})
    ended = any(
        one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in status.get("conditions", ())
    )
    return ended or status.get("phase") in TERMINAL


@dataclass
class Executions:
    """`ended`: when, on this coordinator's clock, the end of an object (by uid) was first seen. Lost with the process:
    back-offs then restart."""

    ended: dict[str, float] = field(default_factory=dict[str, float])

    def of(
        self,
        run_id: str,
        tasks: Iterable[Json],
        jobs: Iterable[Json],
        outcome: Callable[[Json], PodOutcome | None],
        now: float,
    ) -> Mapping[TaskKey, Execution]:
        """`outcome`: why a failed Job failed; None while its pods have not been read, and it counts as running."""
        tasks, jobs = list(tasks), list(jobs)
        existing = {body["metadata"]["uid"] for body in (*tasks, *jobs)}
        self.ended = {uid: when for uid, when in self.ended.items() if uid in existing}
        found: dict[TaskKey, Execution] = {}
        for task in tasks:
            key = labels.key_of(task, run_id)
            if key is not None and not cancelled(task) and not being_deleted(task):
                found[key] = self._of_task(task, now)
        for job in jobs:
            key = labels.key_of(job, run_id)
            if key is not None and not being_deleted(job):
                found[key] = self._of_job(job, outcome, now)
        return found

    def _of_task(self, task: Json, now: float) -> Execution:
        status = task.get("status", {})
        reason = plain_text(status.get("message") or status.get("reason") or "the task gives no reason")
        match status.get("phase"):
            case "Succeeded":
                return Execution("Done", self._end(task, now))
            case "Failed":
                refused, retryable = status.get("reason") == LEDGER_REFUSED, status.get("retryable", True)
                return Execution("Failed", self._end(task, now), retryable, reason, ledger_refused=refused)
            case "Refused":
                return Execution("Failed", self._end(task, now), False, reason)
            case "Pending" if status.get("message"):
                return Execution("Running", reason=reason)
            case _:
                return RUNNING

    def _of_job(self, job: Json, outcome: Callable[[Json], PodOutcome | None], now: float) -> Execution:
        if holds(job.get("status", {}).get("conditions", ()), "Complete"):
            return Execution("Done", self._end(job, now))
        if failed(job) and (why := outcome(job)) is not None:
            return Execution("Failed", self._end(job, now), not why.refused, why.reason, why.ledger_refused)
        return RUNNING

    def _end(self, body: Json, now: float) -> float:
        return self.ended.setdefault(body["metadata"]["uid"], now)
