"""A pass over a TrainingTask: check the policy, create the job, report its status, delete it when it is not wanted."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from fedtrain.manifests import labels
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import TASK, Json, Ref
from fedtrain.manifests.launcher import Launcher, Standing
from fedtrain.manifests.policy_check import Wait
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.cache import Cache, summary_of_task, without_managed_fields
from fedtrain_operator.kube.late_pods import LONGEST_START_SECONDS
from fedtrain_operator.kube.loops import Next
from fedtrain_operator.kube.pod_outcome import TrainerReport
from fedtrain_operator.kube.stuck_containers import StuckContainers
from fedtrain_operator.participant import task_status
from fedtrain_operator.participant.job_starts import JobStarts, not_prepared
from fedtrain_operator.participant.jobs import Jobs, NotCreated, uid_of_another
from fedtrain_operator.participant.journal import Journal
from fedtrain_operator.participant.owners_policy import OwnersPolicy, TaskHeld, TaskRefused, spec_of_task
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.transfers import COPY_SECONDS, NotSigned, Transfers

log = logging.getLogger("fedtrain")

GONE_SECONDS = 1.0
"""Until the watch brings the change that a read has shown."""
SIGNED_SECONDS = 0.3
"""Interval between checks of a task whose requests the hub has not signed yet."""
NOT_SIGNED = "NotSigned"
"""Reason of a task that waits for the hub's signed requests."""
_NOT_SIGNED = (
    "the task waits for the hub to sign its requests to the store. It starts by itself then; if it does not, the "
    "conditions of the FederatedTraining have the reason"
)
_ENDED = ("Succeeded", "Failed")
"""States of a job without pods that run."""
UPLOAD_SECONDS = 10.0
"""Until a job without GPUs uploads an update that the store did not take."""


def whole_until_begun(body: Json) -> Json:
    """The part of a task to cache: the whole, until it has begun."""
    return summary_of_task(body) if body.get("status") else without_managed_fields(body)


class Tasks:
    """Reconciles all TrainingTasks that this operator sees. `tasks`, `jobs` and `policies` are fed by the watches.
    `hub`: URL of the API server of a hub in another cluster."""

    def __init__(
        self,
        sites: Sites,
        launcher: Launcher,
        *,
        pod_check: float,
        hub: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tasks, self.policies = Cache(seen=whole_until_begun), Cache()
        self.jobs = Jobs(sites, launcher)
        self._journal = Journal(sites, hub, clock)
        self._sites = sites
        self._pod_check = pod_check
        self._clock = clock
        self._first_seen: dict[Ref, float] = {}
        self._stuck = StuckContainers()
        self._transfers = Transfers(sites)
        self._owners_policy = OwnersPolicy(sites, self.policies, launcher.image)
        self._starts = JobStarts(sites, launcher, self.jobs, self._owners_policy, self._transfers, self._journal)

    async def reconcile(self, ref: Ref) -> Next:
        if self.tasks.get(ref) is None:  # the owner's word holds although the hub may not answer
            await self._stop_unless_allowed(ref)
        body = await self._task(ref)
        if body is None:
            await self.jobs.release(ref)
            await self._journal.note_gone(ref)
            return await self._forget(ref)
        if (other := uid_of_another(self.jobs.get(ref), body)) is not None:
            await self.jobs.release(ref)
            await self._journal.note_gone(ref, other)
            return Next(GONE_SECONDS)
        body = self.jobs.named(ref, body)
        if task_status.ended(body):
            if body["status"]["phase"] in ("Succeeded", "Cancelled") or await self._still_runs(ref):
                await self.jobs.release(ref)  # what failed keeps its pods' logs until the task goes
            return await self._forget(ref)
        if not task_status.wanted(body):
            await self.jobs.release(ref)
            await self._journal.note(body, "Cancelled")
            await self._report(body, task_status.cancelled(body, self._clock()))
            return Next(0)
        try:
            return await self._run(ref, body)
        except TaskRefused as refused:
            await self.jobs.release(ref)
            refusal = refused.refusal
            await self._journal.note(body, "Refused", rule=refusal.rule, message=refusal.message)
            await self._report(body, task_status.refused(body, refusal, self._clock()))
            return Next(0)
        except TaskHeld as held:
            await self.jobs.release(ref)
            if held.wait.reason != NOT_SIGNED:  # it waits for the hub, which is not the policy's doing
                await self._journal.note(body, "Waiting", rule=held.wait.rule, message=held.wait.message)
            await self._report(body, task_status.held(body, held.wait, self._clock()))
            return Next(self._pod_check)

    async def _stop_unless_allowed(self, ref: Ref) -> None:
        """Delete the job of a task that may not be known, if its policy is suspended or gone."""
        job = self.jobs.get(ref)
        if job is not None and not await self._owners_policy.may_continue(ref, job):
            await self.jobs.release(ref)

    async def _still_runs(self, ref: Ref) -> bool:
        """Whether a task has a running job though its status says that it has ended, which the hub can write, too. The
        owner could no longer stop it."""
        job = self.jobs.get(ref)
        if job is None or self.jobs.standing(job).state in _ENDED:
            return False
        job = await self.jobs.read(ref)  # the watch may be late
        return job is not None and self.jobs.standing(job).state not in _ENDED

    async def _run(self, ref: Ref, body: Json) -> Next:
        now = self._clock()
        young = now - self._first_seen.setdefault(ref, now) < self._pod_check
        job = await self._allowed_job(ref, body) or await self._start(ref, body, young)
        if isinstance(job, Next):
            return job
        if uid_of_another(job, body) is not None:
            return Next(GONE_SECONDS)
        self._owners_policy.starts.done(ref)
        refusal = await self._transfers.renew(ref, body["metadata"]["uid"], lambda: self.jobs.ledger(ref))
        standing = self.jobs.standing(job)
        if standing.state == "Pending" and body.get("status", {}).get("phase") == "Running":  # the watch may be late
            job = await self.jobs.read(ref) or job
            standing = self.jobs.standing(job)
        if standing.state in _ENDED:
            return await self._end(ref, body, standing)
        if refusal is not None:
            raise TaskRefused(refusal)
        waits = None
        if standing.state == "Pending" and not (young and not job.get("status", {}).get("conditions")):
            waits = await self._why_waiting(ref, body, job)
            if isinstance(waits, Next):
                return waits
        if standing.state != "Pending" or waits or body.get("status") or not young:  # most run within moments
            await self._report(body, task_status.of_job(body, standing, None, waits, self._clock()))
        if standing.state == "Pending":
            return Next(self._pod_check)
        return Next(COPY_SECONDS if self._sites.is_remote else None)

    async def _allowed_job(self, ref: Ref, body: Json) -> Json | None:
        """The task's job; None if there is none, or the policy no longer allows it."""
        job = self.jobs.get(ref)
        if job is None and body.get("status"):  # it was begun, and its job may not have been listed yet
            job = await self.jobs.read(ref)
        if job is not None and not await self._owners_policy.may_continue(ref, body):
            await self.jobs.release(ref)
            return None
        return job

    async def _start(self, ref: Ref, body: Json, young: bool) -> Json | Next:
        """Create the job and return it; or when to try again. Raises TaskRefused, TaskHeld, ApiError."""
        whole = await self._sites.hub.get(TASK, ref)  # another operator may have ended it since
        if whole is None or whole["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            self.tasks.drop(body)
            return Next(GONE_SECONDS)
        try:
            return await self._starts.start(whole, self._clock()) or Next(GONE_SECONDS)
        except NotSigned:
            if young:  # the hub signs right after it has created the task
                return Next(SIGNED_SECONDS)
            raise TaskHeld(Wait(NOT_SIGNED, _NOT_SIGNED)) from None
        except NotCreated as failed:
            error, condition_of = failed.error, self.jobs.not_created
        except ApiError as failed:
            error, condition_of = failed, not_prepared
        if error.code == 0 or (error.may_pass and young):
            raise error
        waits = condition_of(spec_of_task(whole).task.participant, error)
        await self._report(body, task_status.of_job(body, Standing("Pending"), None, waits, self._clock()))
        return Next(self._pod_check)

    async def _end(self, ref: Ref, body: Json, standing: Standing) -> Next:
        """Report a job that has ended, or delete one whose update the store did not take: another job uploads it."""
        outcome = await self.jobs.outcome(ref) if standing.state == "Failed" else None
        report = await self._trainer_report(ref, body, standing.state)
        if outcome is None:
            await self._journal.note(body, "Finished", sent=report.sent)
        elif outcome.spooled:
            why = outcome.reason.rstrip(".")
            message = f"the update is trained and waits for the store: {why}. It is uploaded by itself later"
            if not await self._report(body, task_status.uploading(body, message, self._clock())):
                return Next(GONE_SECONDS)
            await self.jobs.release(ref)  # after the report: only the job and the status say that it is trained
            return Next(UPLOAD_SECONDS)
        else:
            await self._journal.note(body, "Failed", message=outcome.reason, sent=report.sent)
        status = task_status.of_job(body, standing, outcome, None, self._clock())
        await self._report(body, status | ({"logTail": "\n".join(report.log)} if report.log else {}))
        return Next(0)

    async def _why_waiting(self, ref: Ref, body: Json, job: Json) -> Condition | Next | None:
        """Why the job's pods do not run, if that is known; or when to try again, after the job was deleted."""
        if (whole := await self._whole(ref, body)) is None:
            return Next(GONE_SECONDS)
        late = self._clock() - self._first_seen[ref] >= LONGEST_START_SECONDS
        pods, waits = await self.jobs.why_waiting(ref, spec_of_task(whole), job, late)
        if self._stuck.lost(ref, pods, self._clock()):
            log.warning("container created but never started; recreating the job", extra={"task": str(ref)})
        elif waits and await self._starts.is_outdated(whole, job):
            log.info("policy or image changed while pods wait; recreating the job", extra={"task": str(ref)})
        else:
            return waits
        await self.jobs.release(ref)
        return Next(self._pod_check)

    async def _trainer_report(self, ref: Ref, body: Json, state: str) -> TrainerReport:
        """What the trainer says, with the lines of its log that the policy lets the hub see. Pods are read only if
        somebody wants to know."""
        show_log = await self._owners_policy.lets_hub_see_log(ref, body, state)
        if not (show_log or self._journal.has_log):
            return TrainerReport()
        report = await self.jobs.report(ref)
        return report if show_log else replace(report, log=())

    async def _whole(self, ref: Ref, body: Json) -> Json | None:
        """The task with its whole spec; None if it is gone."""
        return body if "task" in body["spec"] else await self._sites.hub.get(TASK, ref)

    async def _forget(self, ref: Ref) -> Next:
        await self._transfers.forget(ref)
        await self._owners_policy.drop_pending(ref, lambda: self._unfinished(ref.namespace))
        self._first_seen.pop(ref, None)
        self._stuck.forget(ref)
        self._owners_policy.starts.done(ref)
        return Next(forget=True)

    def _unfinished(self, namespace: str) -> set[Ref]:
        """The trainings that have unfinished tasks."""
        bodies = [one for one in self.tasks.within(namespace) if not task_status.ended(one)]
        return {training for one in bodies if (training := labels.training_of(one)) is not None}

    async def _task(self, ref: Ref) -> Json | None:
        """From the watch, or from a list if the watch has none. Raises ApiError: only a list that succeeds shows that
        a task is gone. A server that does not know the kind answers a read of an object with 404, too."""
        if (body := self.tasks.get(ref)) is None:
            for body in await self._sites.hub.list(TASK, ref.namespace, {}, fields=f"metadata.name={ref.name}"):
                self.tasks.put(body)
                return body
        return body

    async def _report(self, body: Json, content: Json) -> bool:
        """Whether the status is `content` now. If not, the task is gone or has changed, and is read again. Raises
        ApiError."""
        if body.get("status", {}) == content:
            return True
        written = await self._sites.hub.write_status(TASK, body, content)
        if written is None:
            self.tasks.drop(body)
            return False
        self.tasks.put(written)
        self._log(body, content)
        return True

    def _log(self, body: Json, content: Json) -> None:
        marks = body["metadata"].get("labels") or {}
        about = {
            "training": f"{marks.get(labels.TRAINING_NAMESPACE)}/{marks.get(labels.TRAINING)}",
            "task": f"{body['metadata']['namespace']}/{body['metadata']['name']}",
            "participant": marks.get(labels.PARTICIPANT),
            "round": labels.round_of(body),
            "attempt": int(marks.get(labels.ATTEMPT, 0)),
            "reason": content["reason"],
        }
        log.info("%s", f"{content['phase']}: {content['message']}".removesuffix(": "), extra=about)
