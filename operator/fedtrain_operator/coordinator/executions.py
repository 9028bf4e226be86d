"""What the API says of tasks and Jobs, as a decision reads it. Pure, but for the memory of when an end was seen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.manifests import labels
from fedtrain.manifests.conditions import holds
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain_operator.kube.pod_outcome import PodOutcome

RUNNING = Execution("Running")


def cancelled(task: Json) -> bool:
    """A task that is asked to stop counts as none: one that is to go on is made anew."""
    return task["spec"].get("desiredState") == "Cancel" or task.get("status", {}).get("phase") == "Cancelled"


def going(body: Json) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))


def failed(job: Json) -> bool:
    return holds(job.get("status", {}).get("conditions", ()), "Failed")


@dataclass
class Executions:
    """`ended`: when, on this coordinator's clock, the end of an object (by uid) was first seen. Lost with the process:
    a back-off then starts anew."""

    ended: dict[str, float] = field(default_factory=dict[str, float])

    def of(
        self,
        run_id: str,
        tasks: Iterable[Json],
        jobs: Iterable[Json],
        verdict: Callable[[Json], PodOutcome],
        now: float,
    ) -> Mapping[TaskKey, Execution]:
        """`verdict`: why a failed Job failed."""
        tasks, jobs = list(tasks), list(jobs)
        there = {body["metadata"]["uid"] for body in (*tasks, *jobs)}
        self.ended = {uid: when for uid, when in self.ended.items() if uid in there}
        found: dict[TaskKey, Execution] = {}
        for task in tasks:
            key = labels.key_of(task, run_id)
            if key is not None and not cancelled(task) and not going(task):
                found[key] = self._of_task(task, now)
        for job in jobs:
            key = labels.key_of(job, run_id)
            if key is not None and not going(job):
                found[key] = self._of_job(job, verdict, now)
        return found

    def _of_task(self, task: Json, now: float) -> Execution:
        status = task.get("status", {})
        reason = status.get("message") or status.get("reason") or "it does not say why"
        match status.get("phase"):
            case "Succeeded":
                return Execution("Done", self._end(task, now))
            case "Failed":
                return Execution("Failed", self._end(task, now), status.get("retryable", True), reason)
            case "Refused":
                return Execution("Failed", self._end(task, now), False, reason)
            case "Pending" if status.get("message"):
                return Execution("Running", reason=status["message"])
            case _:
                return RUNNING

    def _of_job(self, job: Json, verdict: Callable[[Json], PodOutcome], now: float) -> Execution:
        if holds(job.get("status", {}).get("conditions", ()), "Complete"):
            return Execution("Done", self._end(job, now))
        if failed(job):
            why = verdict(job)
            return Execution("Failed", self._end(job, now), not why.refused, why.reason)
        return RUNNING

    def _end(self, body: Json, now: float) -> float:
        return self.ended.setdefault(body["metadata"]["uid"], now)
