"""What the participant's owner says about a task: the ParticipantPolicy and the ledger of privacy loss, read from the
participant's cluster. The rules are `fedtrain.manifests.policy_check`'s."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from pydantic import ValidationError

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Situation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.wire.training_task import read_training_task
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import POLICY, Json, Ref
from fedtrain.manifests.policy_check import Refusal, Wait, judge, task_of, training_digest, why_held
from fedtrain.manifests.privacy_ledger import LedgerUnreadable
from fedtrain.manifests.training_task import names_its_task
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.participant import approvals
from fedtrain_operator.participant.privacy_claims import PrivacyLedger, Starts, read_ledger
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.task_status import uploads


class TaskRefused(Exception):
    """The participant refuses the task."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


class TaskHeld(Exception):
    """The participant lets the task wait."""

    def __init__(self, wait: Wait) -> None:
        self.wait = wait
        super().__init__(wait.message)


@dataclass(frozen=True)
class Allowed:
    """A task that the policy allows. `body`: the policy as the API server has it; `at`: namespace and name of the job;
    `ledger`: only for a task that promises privacy and trains; `start`: the id under which it is entered there."""

    order: TrainingTaskSpec
    assignment: Assignment
    body: Json
    policy: ParticipantPolicySpec
    at: Ref
    ledger: PrivacyLedger | None
    start: str


class OwnersPolicy:
    """`cache` is fed by the watch of policies. `image`: of the trainer."""

    def __init__(self, sites: Sites, cache: Cache, image: str) -> None:
        self._sites = sites
        self._cache = cache
        self._image = image
        self.starts = Starts()

    async def judged(self, whole: Json) -> Allowed:
        """Raises TaskRefused, TaskHeld, ApiError. `whole`: the task with its whole spec."""
        order = spec_of_task(whole)
        ref = Ref(whole["metadata"]["namespace"], whole["metadata"]["name"])
        at, start = self._sites.here_of(ref), self.starts.of(ref)
        who = order.task.participant
        if self._sites.participant not in (None, who):
            message = (
                f"the task is for {who!r}, not for {self._sites.participant!r}. Nothing ran. Ask the hub's "
                f"administrator to give Participant {who} its own namespace"
            )
            raise TaskRefused(Refusal("WrongParticipant", message))
        body = await self._read(Ref(at.namespace, who))
        policy = _spec_of_policy(body) if body else None
        ledger = None if uploads(whole) else await self._ledger(order, at)
        found = judge(order, policy, self._image, ledger.entries if ledger else None, start)
        if isinstance(found, Refusal):
            raise TaskRefused(found)
        if not names_its_task(whole, found.task):
            message = (
                "the task's labels name another training, round, attempt or kind of work than its spec. Nothing ran. "
                "Ask the hub's administrator to delete the task; the hub then creates it again"
            )
            raise TaskRefused(Refusal("OtherLabels", message))
        assert body is not None  # without a policy, every task is refused
        assert policy is not None
        return Allowed(order, found, body, policy, at, ledger, start)

    async def hold(self, allowed: Allowed, running: int, now: float) -> None:
        """Raises TaskHeld if the task has to wait. `running`: number of the participant's tasks that run."""
        wait = why_held(allowed.order, allowed.policy, self._image, Situation(now, running))
        new, settled = wait.approval if wait else None, set(allowed.policy.approved_trainings)
        if new is None:
            settled.add(training_digest(allowed.order, task_of(allowed.order)))
        after = approvals.pending_after(approvals.listed(allowed.body), settled, new)
        await approvals.write(self._sites.here, self._cache, allowed.body, after)
        if wait is not None:
            raise TaskHeld(wait)

    async def drop_pending(self, task: Ref, trainings: Callable[[], Collection[Ref]]) -> None:
        """Remove trainings from the lists of those that wait unless they have unfinished tasks. Raises ApiError."""
        for body in self._cache.within(self._sites.here_of(task).namespace):
            if before := approvals.listed(body):
                after = approvals.still_asked_for(before, trainings())
                await approvals.write(self._sites.here, self._cache, body, after)

    async def may_continue(self, task: Ref, body: Json) -> bool:
        """Whether the job of a task may still run: the policy exists and is not suspended. Other changes apply to tasks
        that start later."""
        policy = await self._of_task(task, body)
        return policy is not None and not policy["spec"].get("suspend", False)

    async def lets_hub_see_log(self, task: Ref, body: Json, state: str) -> bool:
        """`state`: of the job."""
        policy = await self._of_task(task, body)
        shows = (policy or {"spec": {}})["spec"].get("logs", "None")
        return shows == "All" or (shows == "Failures" and state == "Failed")

    async def _of_task(self, task: Ref, body: Json) -> Json | None:
        """The policy of the participant that a task is for."""
        who = self._sites.participant or (body["metadata"].get("labels") or {}).get(labels.PARTICIPANT, "")
        return await self._read(Ref(self._sites.here_of(task).namespace, who))

    async def _read(self, ref: Ref) -> Json | None:
        if (body := self._cache.get(ref)) is None and (body := await self._sites.here.get(POLICY, ref)) is not None:
            self._cache.put(body)
        return body

    async def _ledger(self, order: TrainingTaskSpec, at: Ref) -> PrivacyLedger | None:
        """Raises TaskHeld if the privacy loss so far is not known, and ApiError."""
        sent, work = order.task.model_extra or {}, order.task.work.model_extra or {}
        if sent.get("privacy") is None and work.get("exampleNoise") is None:
            return None
        try:
            return await read_ledger(self._sites.here, at.namespace, order.task.participant)
        except LedgerUnreadable as error:
            raise TaskHeld(
                Wait("PrivacyUnknown", f"{error}. This is up to the owner. The task then starts by itself")
            ) from error


def spec_of_task(whole: Json) -> TrainingTaskSpec:
    """Raises TaskRefused if this version cannot read it."""
    try:
        return read_training_task(whole["spec"])
    except ValidationError as error:
        message = f"this task cannot be read: {_first(error)}. Update fedtrain at the participant"
        raise TaskRefused(Refusal("NewerContract", message)) from error


def _spec_of_policy(body: Json) -> ParticipantPolicySpec:
    """Raises TaskHeld if this version cannot read the policy: the owner's rules are not known then."""
    try:
        return ParticipantPolicySpec.model_validate(body["spec"])
    except ValidationError as error:
        message = (
            f"ParticipantPolicy {body['metadata']['name']!r} cannot be read: {_first(error)}. Update fedtrain at "
            "the participant; the task then starts by itself"
        )
        raise TaskHeld(Wait("InvalidPolicy", message)) from error


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"spec.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
