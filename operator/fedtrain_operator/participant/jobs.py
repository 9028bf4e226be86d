"""The jobs of tasks, in the participant's cluster. Every reference is the task's, at the hub."""

import logging
from dataclasses import dataclass

from fedtrain.api.storage import S3
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import POD, Json, Ref
from fedtrain.manifests.launcher import Launcher, Standing
from fedtrain_operator.kube.api_error import AlreadyExists, ApiError
from fedtrain_operator.kube.cache import Cache, summary
from fedtrain_operator.kube.pod_fixes import not_admitted
from fedtrain_operator.kube.pod_outcome import PodOutcome, TrainerReport, read_outcome, report_of
from fedtrain_operator.kube.pod_start import why_pods_wait
from fedtrain_operator.participant.sites import Sites

log = logging.getLogger("fedtrain")

_PODS = ("active", "succeeded", "failed")
"""Fields of a PyTorchJob's `replicaStatuses` that count existing pods."""


@dataclass(frozen=True)
class Load:
    """Names of tasks that run, and their GPUs."""

    tasks: tuple[str, ...]
    gpus: int


class NotCreated(Exception):
    """The API server does not take a job."""

    def __init__(self, error: ApiError) -> None:
        self.error = error
        super().__init__(str(error))


class Jobs:
    """`cache` is fed by the watch."""

    def __init__(self, sites: Sites, launcher: Launcher) -> None:
        self.kind = launcher.kind
        self.cache = Cache(seen=summary)
        self._sites = sites
        self._cluster = sites.here
        self._launcher = launcher

    def get(self, task: Ref) -> Json | None:
        """The job from the cache."""
        return self.cache.get(self._sites.here_of(task))

    def named(self, task: Ref, body: Json) -> Json:
        """The task with fedtrain's labels as they were when its job was created: a hub can relabel a task later."""
        if (job := self.get(task)) is None:
            return body
        known, given = body["metadata"].get("labels") or {}, job["metadata"].get("labels") or {}
        ours = {name: value for name, value in given.items() if name.startswith(f"{labels.PREFIX}/")}
        return {**body, "metadata": {**body["metadata"], "labels": known | ours}}

    async def read(self, task: Ref) -> Json | None:
        """The job from the server."""
        job = await self._cluster.get(self.kind, self._sites.here_of(task))
        if job is not None:
            self.cache.put(job)
        return job

    async def ledger(self, task: Ref) -> S3 | None:
        """The bucket that the pods of a job use, from the server; None if the job is gone. Raises ApiError."""
        job = await self.read(task)
        return None if job is None else self._launcher.ledger(job)

    async def create(self, job: Json) -> Json:
        """Create the job, or return the existing one of this name. Raises NotCreated, ApiError."""
        try:
            made = await self._cluster.create(self.kind, job)
        except AlreadyExists:
            at = Ref(job["metadata"]["namespace"], job["metadata"]["name"])
            made = await self._cluster.get(self.kind, at) or job
        except ApiError as error:
            raise NotCreated(error) from error
        if "uid" in made["metadata"]:
            self.cache.put(made)
        return made

    async def release(self, task: Ref) -> None:
        """Delete the job of a task and thus its pods. Its label says that it is ours."""
        job = self.get(task)
        if job is not None and (job["metadata"].get("labels") or {}).get(labels.TASK) == task.name:
            await self._cluster.delete(self.kind, self._sites.here_of(task), job["metadata"]["uid"])
            self.cache.drop(job)

    def of(self, namespace: str) -> list[Ref]:
        """The jobs of a namespace of the participant's cluster, from the cache, by the names of their tasks."""
        names = ((job["metadata"].get("labels") or {}).get(labels.TASK) for job in self.cache.within(namespace))
        return [Ref(namespace, name) for name in names if name]

    def load(self, namespace: str, who: str) -> Load:
        """The running jobs of a participant, from the cache. `namespace`: in its cluster."""
        found = [
            job
            for job in self.cache.within(namespace)
            if (job["metadata"].get("labels") or {}).get(labels.PARTICIPANT) == who
            and self._launcher.standing(job).state == "Running"
        ]
        gpus = sum(int((job["metadata"].get("annotations") or {}).get(labels.GPUS, 0)) for job in found)
        return Load(tuple(sorted(job["metadata"]["labels"].get(labels.TASK, "") for job in found)), gpus)

    async def running(self, own: Ref, who: str) -> int:
        """The number of other jobs of a participant that have not ended. `own`: the job that is to start. Raises
        ApiError."""
        found = await self._cluster.list(self.kind, own.namespace, {**labels.OURS, labels.PARTICIPANT: who})
        others = (job for job in found if job["metadata"]["name"] != own.name)
        return sum(self._launcher.standing(job).state in ("Pending", "Running") for job in others)

    def standing(self, job: Json) -> Standing:
        """A job that runs while some of its pods do not exist is still pending."""
        standing = self._launcher.standing(job)
        replicas = job.get("status", {}).get("replicaStatuses") or {}
        missing = any(not any(one.get(count) for count in _PODS) for one in replicas.values())
        return Standing("Pending") if standing.state == "Running" and missing else standing

    async def outcome(self, task: Ref) -> PodOutcome:
        """Why the job failed. Raises ApiError if reading its pods may succeed later."""
        namespace = self._sites.here_of(task).namespace
        return await read_outcome(self._cluster, namespace, self._launcher.pods(task.name))

    async def report(self, task: Ref) -> TrainerReport:
        """What the trainer of a job that has ended says. Raises ApiError if reading its pods may succeed later."""
        try:
            namespace = self._sites.here_of(task).namespace
            return report_of(await self._cluster.list(POD, namespace, self._launcher.pods(task.name)))
        except ApiError as error:
            if error.may_pass:
                raise
            return TrainerReport()

    async def why_waiting(
        self, task: Ref, order: TrainingTaskSpec, job: Json, late: bool
    ) -> tuple[list[Json], Condition | None]:
        """The pods of a job that does not run yet, and why they wait. An error of these reads hides the reason, no
        more. `late`: whether pods that do not run are reported although nothing says that they cannot start."""
        pods: list[Json] = []
        who = order.task.participant
        try:
            namespace = self._sites.here_of(task).namespace
            pods = await self._cluster.list(POD, namespace, self._launcher.pods(task.name))
            waits = await why_pods_wait(self._cluster, who, order.compute, self.kind, job, pods, late)
        except ApiError as error:
            log.warning("cannot read why pods wait: %s", error, extra={"task": str(task)})
            return pods, None
        return pods, waits

    def not_created(self, who: str, error: ApiError) -> Condition:
        """The condition of a job that the API server refuses."""
        verb = "failed" if error.may_pass else "refused"
        message = not_admitted(who, self.kind.name, f"the API server {verb} the request: {error}")
        return Condition("Startable", "False", "NotCreated", message)


def uid_of_another(job: Json | None, task: Json) -> str | None:
    """The uid of the task that a job was made for, if that is not `task` but an earlier one of its name, which the hub
    has deleted. Policy and audit log have seen that one. Pure."""
    uid = labels.task_uid(job) if job is not None else None
    return uid if uid != task["metadata"]["uid"] else None
