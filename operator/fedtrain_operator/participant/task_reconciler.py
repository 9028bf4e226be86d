"""One pass over a TrainingTask: the policy decides, a job runs, the status tells, and what is no longer wanted goes."""

import logging
import time
from collections.abc import Callable

from pydantic import ValidationError

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import POD, POLICY, TASK, Json, Ref
from fedtrain.manifests.launcher import Launcher, Standing
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.render_digest import mark_of
from fedtrain_operator.kube.cache import Cache, told, told_of_task, without_managed_fields
from fedtrain_operator.kube.client import AlreadyExists, Cluster
from fedtrain_operator.kube.loops import Next
from fedtrain_operator.kube.pod_outcome import verdict
from fedtrain_operator.kube.pod_start import why_they_wait
from fedtrain_operator.kube.stuck_containers import StuckContainers
from fedtrain_operator.participant import task_status

log = logging.getLogger("fedtrain")

GONE_SECONDS = 1.0
"""Until the watch brings what the server has said already."""


def whole_until_begun(body: Json) -> Json:
    """What is kept of a task: once it has begun, not what it is to do, which is read again where it is needed."""
    return told_of_task(body) if body.get("status") else without_managed_fields(body)


class _Refused(Exception):
    """The participant says no."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


class Tasks:
    """The participants' side of all TrainingTasks that this operator sees. `tasks`, `jobs` and `policies` are fed by
    the watches."""

    def __init__(
        self,
        cluster: Cluster,
        launcher: Launcher,
        *,
        pod_check: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.kind = launcher.kind
        self.tasks, self.jobs, self.policies = Cache(seen=whole_until_begun), Cache(seen=told), Cache()
        self._cluster = cluster
        self._launcher = launcher
        self._pod_check = pod_check
        self._clock = clock
        self._first_seen: dict[Ref, float] = {}
        self._limbo = StuckContainers()

    async def reconcile(self, ref: Ref) -> Next:
        body = await self._task(ref)
        if body is None:
            await self._release(ref)
            return self._forget(ref)
        phase = body.get("status", {}).get("phase")
        if phase in task_status.TERMINAL:
            if phase in ("Succeeded", "Cancelled"):  # what failed keeps its pods' logs until the task goes
                await self._release(ref)
            return self._forget(ref)
        if not task_status.wanted(body):
            await self._release(ref)
            await self._tell(body, task_status.cancelled(body, self._clock()))
            return Next(0)
        try:
            return await self._run(ref, body)
        except _Refused as refused:
            await self._tell(body, task_status.refused(body, refused.refusal, self._clock()))
            return Next(0)

    async def _run(self, ref: Ref, body: Json) -> Next:
        job = self.jobs.get(ref)
        if job is None and body.get("status"):  # it was begun, and may not have been listed yet
            job = await self._cluster.get(self.kind, ref)
            if job is not None:
                self.jobs.put(job)
        if job is None:
            whole = await self._cluster.get(TASK, ref)  # another operator may have ended it since
            if whole is None or whole["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
                self.tasks.drop(body)
                return Next(GONE_SECONDS)
            job = await self._create(await self._rendered(whole))
        standing = self._launcher.standing(job)
        if standing.state == "Pending" and body.get("status", {}).get("phase") == "Running":  # the watch may be late
            job = await self._cluster.get(self.kind, ref) or job
            standing = self._launcher.standing(job)
        why = stuck = None
        if standing.state == "Failed":
            why = verdict(await self._pods(ref))
        elif standing.state == "Pending" and job.get("status", {}).get("conditions"):  # it has pods
            pods = await self._pods(ref)
            if self._limbo.lost(ref, pods, self._clock()):
                log.warning("a container was made and never started; its job is made anew", extra={"task": str(ref)})
                await self._release(ref)
                return Next(self._pod_check)
            if (whole := await self._whole(ref, body)) is None:
                return Next(GONE_SECONDS)
            order = _order(whole)
            stuck = await why_they_wait(self._cluster, order.task.participant, order.compute, pods)
            if stuck and await self._is_outdated(whole, job):
                log.info("its pods wait, and what they are made from has changed: made anew", extra={"task": str(ref)})
                await self._release(ref)
                return Next(self._pod_check)
        now = self._clock()
        young = now - self._first_seen.setdefault(ref, now) < self._pod_check
        if standing.state != "Pending" or stuck or body.get("status") or not young:  # most run within moments
            await self._tell(body, task_status.of_job(body, standing, why, stuck, self._clock()))
        return Next(_after(standing, self._pod_check))

    async def _whole(self, ref: Ref, body: Json) -> Json | None:
        """The task with what it is to do; None when it is gone."""
        return body if "task" in body["spec"] else await self._cluster.get(TASK, ref)

    async def _rendered(self, whole: Json) -> Json:
        """The job, as policy and image are now. Raises _Refused."""
        order = _order(whole)
        judged = judge(order, policy := await self._policy(whole["metadata"]["namespace"], order.task.participant))
        if isinstance(judged, Refusal) or policy is None:
            assert isinstance(judged, Refusal)
            raise _Refused(judged)
        return self._launcher.render(whole, order, judged, policy)

    async def _is_outdated(self, whole: Json, job: Json) -> bool:
        """Whether policy or image have changed since, so that the job would be another one now."""
        try:
            return mark_of(job) != mark_of(await self._rendered(whole))
        except _Refused:
            return False

    def _forget(self, ref: Ref) -> Next:
        self._first_seen.pop(ref, None)
        self._limbo.forget(ref)
        return Next(forget=True)

    async def _task(self, ref: Ref) -> Json | None:
        """From the watch; from the server when the watch has none."""
        if (body := self.tasks.get(ref)) is None and (body := await self._cluster.get(TASK, ref)) is not None:
            self.tasks.put(body)
        return body

    async def _policy(self, namespace: str, who: str) -> ParticipantPolicySpec | None:
        ref = Ref(namespace, who)
        body = self.policies.get(ref) or await self._cluster.get(POLICY, ref)
        return None if body is None else ParticipantPolicySpec.model_validate(body["spec"])

    async def _create(self, job: Json) -> Json:
        try:
            made = await self._cluster.create(self._launcher.kind, job)
        except AlreadyExists:
            ref = Ref(job["metadata"]["namespace"], job["metadata"]["name"])
            made = await self._cluster.get(self._launcher.kind, ref) or job
        if "uid" in made["metadata"]:
            self.jobs.put(made)
        return made

    async def _release(self, ref: Ref) -> None:
        """Deletes the job of a task, and with it its pods. The labels say that it is ours."""
        job = self.jobs.get(ref)
        if job is not None and (job["metadata"].get("labels") or {}).get(labels.TASK) == ref.name:
            await self._cluster.delete(self._launcher.kind, ref, job["metadata"]["uid"])
            self.jobs.drop(job)

    async def _pods(self, ref: Ref) -> list[Json]:
        return await self._cluster.list(POD, ref.namespace, self._launcher.pods(ref.name))

    async def _tell(self, body: Json, content: Json) -> None:
        before = body.get("status", {})
        if before == content:
            return
        told = await self._cluster.write_status(TASK, body, content)
        if told is None:  # it is gone or has changed: it is read again
            self.tasks.drop(body)
            return
        self.tasks.put(told)
        self._log(body, content)

    def _log(self, body: Json, content: Json) -> None:
        marks = body["metadata"].get("labels") or {}
        about = {
            "training": f"{marks.get(labels.TRAINING_NAMESPACE)}/{marks.get(labels.TRAINING)}",
            "task": f"{body['metadata']['namespace']}/{body['metadata']['name']}",
            "participant": marks.get(labels.PARTICIPANT),
            "round": int(marks.get(labels.ROUND, 0)),
            "attempt": int(marks.get(labels.ATTEMPT, 0)),
            "reason": content["reason"],
        }
        log.info("%s", f"{content['phase']}: {content['message']}".removesuffix(": "), extra=about)


def _order(whole: Json) -> TrainingTaskSpec:
    """Raises _Refused for what this fedtrain can't read."""
    try:
        return TrainingTaskSpec.model_validate(whole["spec"])
    except ValidationError as error:
        said = f"this task can't be read: {error.errors(include_url=False)[0]['msg']}. Update fedtrain here"
        raise _Refused(Refusal("NewerContract", said)) from error


def _after(standing: Standing, pod_check: float) -> float | None:
    if standing.state in ("Succeeded", "Failed"):
        return 0
    return pod_check if standing.state == "Pending" else None
