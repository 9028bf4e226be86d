"""Starts the job of a task that its owner's policy allows: one at a time where the policy limits their number, with
transfers, the key, and the lines in the audit log and the ledger of privacy."""

import asyncio
from contextlib import AsyncExitStack

from fedtrain.api.data import described
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.launcher import Launcher
from fedtrain.manifests.policy_check import capped
from fedtrain.manifests.render_digest import mark_of
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.pod_fixes import fields_of
from fedtrain_operator.participant import task_status
from fedtrain_operator.participant.fingerprint_key import ensure_key
from fedtrain_operator.participant.jobs import Jobs
from fedtrain_operator.participant.journal import Journal
from fedtrain_operator.participant.owners_policy import Allowed, OwnersPolicy, TaskHeld, TaskRefused
from fedtrain_operator.participant.privacy_claims import enter
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.transfers import Transfers


class JobStarts:
    def __init__(
        self,
        sites: Sites,
        launcher: Launcher,
        jobs: Jobs,
        owners_policy: OwnersPolicy,
        transfers: Transfers,
        journal: Journal,
    ) -> None:
        self._sites = sites
        self._launcher = launcher
        self._jobs = jobs
        self._owners_policy = owners_policy
        self._transfers = transfers
        self._journal = journal
        self._one_at_a_time = asyncio.Lock()

    async def start(self, whole: Json, now: float) -> Json | None:
        """The job of a task that may start; None if the ledger of privacy or the key was written meanwhile. `now`: by
        the participant's clock. Raises TaskRefused, TaskHeld, NotSigned, NotCreated, ApiError."""
        allowed = await self._owners_policy.judged(whole)
        async with AsyncExitStack() as held:
            running = 0
            if allowed.policy.limits.concurrent_tasks is not None:  # or two tasks would take the last place
                await held.enter_async_context(self._one_at_a_time)
                running = await self._jobs.running(allowed.at, allowed.order.task.participant)
            await self._owners_policy.hold(allowed, running, now)
            await self._check_transfers(whole, allowed.assignment)
            at, ledger, task = allowed.at.namespace, allowed.ledger, allowed.assignment.task
            key = await ensure_key(self._sites, at)
            if not key or (ledger and not await enter(self._sites.here, ledger, at, task, allowed.start)):
                return None
            return await self._create(whole, allowed)

    async def _check_transfers(self, whole: Json, assignment: Assignment) -> None:
        """Raises TaskRefused, NotSigned, ApiError."""
        s3 = assignment.binding.places.ledger.s3
        assert s3 is not None  # a ledger in a folder is refused
        if refusal := await self._transfers.refusal(whole, s3):
            raise TaskRefused(refusal)

    async def _create(self, whole: Json, allowed: Allowed) -> Json:
        """Raises NotCreated, and ApiError if the audit log cannot be written: no task starts without its line."""
        await self._journal.note(whole, "Started", dataset=described(allowed.assignment.task.data))
        return await self._jobs.create(self._rendered(whole, allowed, task_status.uploads(whole)))

    def _rendered(self, whole: Json, allowed: Allowed, uploads: bool) -> Json:
        body = {**whole, "metadata": {**whole["metadata"], "namespace": allowed.at.namespace}}
        order = capped(allowed.order, allowed.policy)
        return self._launcher.render(body, order, allowed.assignment, allowed.policy, uploads=uploads)

    async def is_outdated(self, whole: Json, job: Json) -> bool:
        """Whether policy or image have changed since, so that another job would be rendered now."""
        try:
            allowed = await self._owners_policy.judged(whole)
        except (TaskRefused, TaskHeld):
            return False
        uploads = labels.UPLOAD in (job["metadata"].get("annotations") or {})
        return mark_of(job) != mark_of(self._rendered(whole, allowed, uploads))


def not_prepared(who: str, error: ApiError) -> Condition:
    """The condition of a task whose job cannot be prepared, because another object cannot be read or written. Pure."""
    fix = "" if error.may_pass else f" Correct this, or ask {fields_of(who).administrator}."
    message = f"{who}'s task can't start: {str(error).rstrip('.')}.{fix} It is tried again by itself"
    return Condition("Startable", "False", "NotPrepared", message)
