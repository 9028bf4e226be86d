"""One pass over a TrainingTask: check the policy, create the job, report its status, delete it when it is no longer
wanted."""

import logging
import time
from collections.abc import Callable

from pydantic import ValidationError

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import Condition, find, holds
from fedtrain.manifests.kinds import POD, POLICY, TASK, Json, Ref
from fedtrain.manifests.launcher import Launcher, Standing
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.render_digest import mark_of
from fedtrain_operator.kube.cache import Cache, summary, summary_of_task, without_managed_fields
from fedtrain_operator.kube.client import AlreadyExists, ApiError, Cluster
from fedtrain_operator.kube.loops import Next
from fedtrain_operator.kube.pod_outcome import read_outcome
from fedtrain_operator.kube.pod_start import why_pods_wait
from fedtrain_operator.kube.stuck_containers import StuckContainers
from fedtrain_operator.participant import task_status

log = logging.getLogger("fedtrain")

GONE_SECONDS = 1.0
"""Until the watch brings the change that a read has shown."""
LONGEST_START_SECONDS = 40.0
"""Time after which missing pods are reported although no event gives a reason."""
_PODS = ("active", "succeeded", "failed")
"""Fields of a PyTorchJob's `replicaStatuses` that count existing pods."""


def whole_until_begun(body: Json) -> Json:
    """The part of a task to cache: the whole, until it has begun."""
    return summary_of_task(body) if body.get("status") else without_managed_fields(body)


class _Refused(Exception):
    """The participant refuses the task."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


class Tasks:
    """Reconciles all TrainingTasks that this operator sees. `tasks`, `jobs` and `policies` are fed by
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
        self.tasks, self.jobs, self.policies = Cache(seen=whole_until_begun), Cache(seen=summary), Cache()
        self._cluster = cluster
        self._launcher = launcher
        self._pod_check = pod_check
        self._clock = clock
        self._first_seen: dict[Ref, float] = {}
        self._stuck = StuckContainers()

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
            await self._report(body, task_status.cancelled(body, self._clock()))
            return Next(0)
        try:
            return await self._run(ref, body)
        except _Refused as refused:
            await self._report(body, task_status.refused(body, refused.refusal, self._clock()))
            return Next(0)

    async def _run(self, ref: Ref, body: Json) -> Next:
        now = self._clock()
        young = now - self._first_seen.setdefault(ref, now) < self._pod_check
        job = self.jobs.get(ref)
        if job is None and body.get("status"):  # it was begun, and its job may not have been listed yet
            job = await self._cluster.get(self.kind, ref)
            if job is not None:
                self.jobs.put(job)
        if job is None:
            whole = await self._cluster.get(TASK, ref)  # another operator may have ended it since
            if whole is None or whole["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
                self.tasks.drop(body)
                return Next(GONE_SECONDS)
            rendered = await self._rendered(whole)
            try:
                job = await self._create(rendered)
            except ApiError as error:
                if error.code == 0 or (error.may_pass and young):
                    raise
                refused = _not_created(whole, self.kind.name, error)
                await self._report(body, task_status.of_job(body, Standing("Pending"), None, refused, now))
                return Next(self._pod_check)
        standing = self._standing(job)
        if standing.state == "Pending" and body.get("status", {}).get("phase") == "Running":  # the watch may be late
            job = await self._cluster.get(self.kind, ref) or job
            standing = self._standing(job)
        outcome = waits = None
        if standing.state == "Failed":
            outcome = await read_outcome(self._cluster, ref.namespace, self._launcher.pods(ref.name))
        elif standing.state == "Pending" and not (young and not job.get("status", {}).get("conditions")):
            if (whole := await self._whole(ref, body)) is None:
                return Next(GONE_SECONDS)
            pods, waits = await self._waits(ref, whole, job)
            if self._stuck.lost(ref, pods, self._clock()):
                log.warning("container created but never started; recreating the job", extra={"task": str(ref)})
                await self._release(ref)
                return Next(self._pod_check)
            if waits and await self._is_outdated(whole, job):
                log.info("policy or image changed while pods wait; recreating the job", extra={"task": str(ref)})
                await self._release(ref)
                return Next(self._pod_check)
        if standing.state != "Pending" or waits or body.get("status") or not young:  # most run within moments
            await self._report(body, task_status.of_job(body, standing, outcome, waits, self._clock()))
        return Next(_after(standing, self._pod_check))

    def _standing(self, job: Json) -> Standing:
        """A job that runs while some of its pods do not exist is still pending."""
        standing = self._launcher.standing(job)
        replicas = job.get("status", {}).get("replicaStatuses") or {}
        missing = any(not any(one.get(count) for count in _PODS) for one in replicas.values())
        return Standing("Pending") if standing.state == "Running" and missing else standing

    async def _waits(self, ref: Ref, whole: Json, job: Json) -> tuple[list[Json], Condition | None]:
        """The pods of a job that does not run yet, and why they wait. An error of these reads hides the reason, no
        more."""
        order = _spec(whole)
        pods: list[Json] = []
        try:
            pods = await self._cluster.list(POD, ref.namespace, self._launcher.pods(ref.name))
            waits = await why_pods_wait(self._cluster, order.task.participant, order.compute, job, pods)
        except ApiError as error:
            log.warning("cannot read why pods wait: %s", error, extra={"task": str(ref)})
            return pods, None
        late = self._clock() - self._first_seen[ref] >= LONGEST_START_SECONDS
        if waits is None and late and len(pods) < order.compute.nodes:
            return pods, _pods_missing(order, self.kind.name, job, len(pods))
        return pods, waits

    async def _whole(self, ref: Ref, body: Json) -> Json | None:
        """The task with its whole spec; None if it is gone."""
        return body if "task" in body["spec"] else await self._cluster.get(TASK, ref)

    async def _rendered(self, whole: Json) -> Json:
        """The job of the current policy and image. Raises _Refused."""
        order = _spec(whole)
        judged = judge(order, policy := await self._policy(whole["metadata"]["namespace"], order.task.participant))
        if isinstance(judged, Refusal) or policy is None:
            assert isinstance(judged, Refusal)
            raise _Refused(judged)
        return self._launcher.render(whole, order, judged, policy)

    async def _is_outdated(self, whole: Json, job: Json) -> bool:
        """Whether policy or image have changed since, so that another job would be rendered now."""
        try:
            return mark_of(job) != mark_of(await self._rendered(whole))
        except _Refused:
            return False

    def _forget(self, ref: Ref) -> Next:
        self._first_seen.pop(ref, None)
        self._stuck.forget(ref)
        return Next(forget=True)

    async def _task(self, ref: Ref) -> Json | None:
        """From the watch, or from the server if the watch has none."""
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
        """Deletes the job of a task and thus its pods. Its label says that it is ours."""
        job = self.jobs.get(ref)
        if job is not None and (job["metadata"].get("labels") or {}).get(labels.TASK) == ref.name:
            await self._cluster.delete(self._launcher.kind, ref, job["metadata"]["uid"])
            self.jobs.drop(job)

    async def _report(self, body: Json, content: Json) -> None:
        before = body.get("status", {})
        if before == content:
            return
        written = await self._cluster.write_status(TASK, body, content)
        if written is None:  # it is gone or has changed, and is read again
            self.tasks.drop(body)
            return
        self.tasks.put(written)
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


def _spec(whole: Json) -> TrainingTaskSpec:
    """Raises _Refused if this version cannot read it."""
    try:
        return TrainingTaskSpec.model_validate(whole["spec"])
    except ValidationError as error:
        message = f"this task cannot be read: {error.errors(include_url=False)[0]['msg']}. Update fedtrain here"
        raise _Refused(Refusal("NewerContract", message)) from error


def _not_created(whole: Json, kind: str, error: ApiError) -> Condition:
    who = _spec(whole).task.participant
    verb = "failed" if error.may_pass else "refused"
    message = f"{who}'s {kind} can't be created: the API server {verb} the request: {error}"
    return Condition("Startable", "False", "NotCreated", message)


def _pods_missing(order: TrainingTaskSpec, kind: str, job: Json, existing: int) -> Condition:
    conditions = job.get("status", {}).get("conditions", ())
    who = order.task.participant
    if not conditions:
        message = f"{who}'s {kind} has no status. Check that the training operator runs"
    elif holds(conditions, "Suspended"):
        why = (find(conditions, "Suspended") or {}).get("message") or "by a queue"
        message = f"{who}'s {kind} is suspended: {why}"
    else:
        message = f"{who}'s {kind} has {existing} of {order.compute.nodes} pods, and no event gives a reason"
    return Condition("Startable", "False", "NotCreated", message)


def _after(standing: Standing, pod_check: float) -> float | None:
    if standing.state in ("Succeeded", "Failed"):
        return 0
    return pod_check if standing.state == "Pending" else None
