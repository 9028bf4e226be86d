"""Executing a decision. Every write is idempotent: names are deterministic, and an object that exists is fine.

A participant's actions stand alone: an error of one is noted in `Memory.refusals` and stops nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.manifests import labels
from fedtrain.manifests.hub_job import hub_job, hub_source
from fedtrain.manifests.kinds import JOB, TASK, Json, Kind, Ref
from fedtrain.manifests.kinds import ref as ref_of
from fedtrain.manifests.render_digest import mark, mark_of
from fedtrain.manifests.settings import Settings
from fedtrain.manifests.training_task import training_task
from fedtrain.rounds.decision import Action, AggregateOrder, Cancel, Claim, Start
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.rounds.unreachable import UNASKED
from fedtrain_operator.coordinator import transfers
from fedtrain_operator.coordinator.executions import TERMINAL, cancelled, over, who_of
from fedtrain_operator.coordinator.own_objects import is_hub
from fedtrain_operator.coordinator.refusals import CREATE_TASK, HUB
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.kube.api_error import AlreadyExists, ApiError


class Executor:
    """Executes the decisions of one pass over a training. `records`: the Participants that may be asked, by name.
    `unasked`: why others may not."""

    def __init__(
        self,
        state: ClusterState,
        settings: Settings,
        training: Ref,
        spec: FederatedTrainingSpec,
        memory: Memory,
        records: Mapping[str, Json],
        requests: Requests,
        unasked: Mapping[str, str] | None = None,
    ) -> None:
        assert memory.run is not None
        assert memory.ledger is not None
        self._state, self._cluster = state, state.cluster
        self._settings = settings
        self._training = training
        self._spec = spec
        self._memory = memory
        self._run: Run = memory.run
        self._ledger: Ledger = memory.ledger
        self.records = records
        self._requests = requests
        self._unasked = unasked or {}

    async def apply(self, actions: tuple[Action, ...]) -> None:
        """Cancels, claims and starts, in this order. Raises StoreError; doing it again changes nothing."""
        await asyncio.gather(*(self._cancel(action.key) for action in actions if isinstance(action, Cancel)))
        for action in actions:
            if isinstance(action, Claim):
                await asyncio.to_thread(self._ledger.claim, action.name, action.record)
        await asyncio.gather(*(self._start(action) for action in actions if isinstance(action, Start)))
        await transfers.renew(self._state, self._training, self._memory, self.records, self._requests)

    async def probe(self) -> None:
        """Asks whether namespaces that took no task take one now. Their participants then take part again."""
        due = self._memory.refusals.to_probe(self.records, self._state.steady())
        await asyncio.gather(
            *(
                self._requests.attempt(
                    start.key.who, CREATE_TASK, lambda start=start: self._cluster.try_to_create(TASK, self._task(start))
                )
                for start in due
            )
        )

    async def clear(self, before: int) -> None:
        """Deletes the objects of rounds before `before`. The signed requests of a task are deleted before it, because
        nothing else names them once the task is gone."""
        unsigned = self._memory.signatures.deleted
        for kind, cache in ((TASK, self._state.tasks), (JOB, self._state.jobs)):
            for body in cache.of(self._training):
                key = labels.key_of(body, self._run.run_id)
                if key is None or key.round >= before or not over(body):
                    continue
                if kind == JOB or body["metadata"]["uid"] in unsigned:
                    request = f"delete its {'task' if kind == TASK else 'Job'}"
                    who = HUB if is_hub(key) else key.who
                    if await self._requests.attempt(who, request, self._deleting(kind, body)):
                        cache.drop(body)

    async def delete_other_runs(self) -> None:
        """Deletes the tasks and Jobs of a run whose spec was corrected before it began: it was replaced."""
        replaced = [one for one in self._state.tasks.of(self._training) if labels.of_other_run(one, self._run.run_id)]
        await transfers.delete(self._state, replaced, self._requests)
        for kind, cache in ((TASK, self._state.tasks), (JOB, self._state.jobs)):
            for body in cache.of(self._training):
                who = who_of(body) if kind == TASK else HUB
                if labels.of_other_run(body, self._run.run_id) and await self._requests.attempt(
                    who, "delete an object of an earlier run", self._deleting(kind, body)
                ):
                    cache.drop(body)

    async def recreate(
        self, waiting: Sequence[tuple[Json, Sequence[Json]]], stuck: Collection[Ref], now: float
    ) -> bool:
        """Deletes the hub's Jobs, here with their pods, whose containers never start, and those that are `stuck` and
        would be rendered otherwise now. Whether there were any. Raises ApiError."""
        rendered_now = mark(hub_source(self._settings))
        lost = [
            job
            for job, pods in waiting
            if self._memory.stuck.lost(ref_of(job), pods, now)
            or (ref_of(job) in stuck and mark_of(job) != rendered_now)
        ]
        for job in lost:
            await self._cluster.delete(JOB, ref_of(job), job["metadata"]["uid"])
            self._state.jobs.drop(job)
            self._memory.stuck.forget(ref_of(job))
        return bool(lost)

    async def _start(self, start: Start) -> None:
        key, order, refusals = start.key, start.order, self._memory.refusals
        if isinstance(order, AggregateOrder) or is_hub(key):
            job = hub_job(self._spec, self._run, key, order, self._settings, self._memory.uid)
            await self._requests.attempt(HUB, "create its Job", lambda: self._create_job(job))
            return
        if key.who not in self.records:
            refusals.hold(start, self._unasked.get(key.who, f"{UNASKED} could not be read"))
            return
        task = self._task(start)
        if await self._requests.attempt(key.who, CREATE_TASK, lambda: self._create_task(task)):
            refusals.release(key)
        else:
            refusals.hold(start)

    def _task(self, start: Start) -> Json:
        assert not isinstance(start.order, AggregateOrder)
        record = self.records[start.key.who]
        task = training_task(self._spec, self._run, start.key, start.order, record["spec"]["namespace"])
        if labels.has_own_cluster(record):
            task["metadata"]["labels"][labels.CLUSTER] = labels.OWN_CLUSTER
        return task

    async def _create_job(self, job: Json) -> None:
        try:
            self._state.jobs.put(await self._cluster.create(JOB, job))
        except AlreadyExists:
            existing = await self._cluster.get(JOB, ref_of(job))
            if existing is not None:
                self._check_own(existing, job)
                self._state.jobs.put(existing)

    async def _create_task(self, task: Json) -> None:
        try:
            self._state.tasks.put(await self._cluster.create(TASK, task))
            return
        except AlreadyExists:
            existing = await self._cluster.get(TASK, ref_of(task))
        if existing is None:
            return
        self._check_own(existing, task)
        self._state.tasks.put(existing)
        if cancelled(existing) and existing.get("status", {}).get("phase") in TERMINAL:
            # It was stopped and is wanted again: it is created again once it is gone.
            await transfers.delete(self._state, [existing], self._requests)
            await self._cluster.delete(TASK, ref_of(existing), existing["metadata"]["uid"])

    def _check_own(self, existing: Json, wanted: Json) -> None:
        """Raises ApiError if another object has the name: what it does would count for nothing."""
        if labels.key_of(existing, self._run.run_id) != labels.key_of(wanted, self._run.run_id):
            name = ref_of(wanted)
            problem = f"{name.name} in namespace {name.namespace} has labels of other work. Delete it"
            raise ApiError(409, "AlreadyExists", problem)

    async def _cancel(self, key: TaskKey) -> None:
        self._memory.refusals.give_up(key)
        for body in self._state.tasks.of(self._training):
            if labels.key_of(body, self._run.run_id) == key:
                await self._requests.attempt(who_of(body), "cancel its task", lambda body=body: self._ask_to_stop(body))
        for body in self._state.jobs.of(self._training):
            if labels.key_of(body, self._run.run_id) == key and await self._requests.attempt(
                HUB, "delete its Job", self._deleting(JOB, body)
            ):
                self._state.jobs.drop(body)

    async def _ask_to_stop(self, task: Json) -> None:
        written = await self._cluster.write_field(TASK, task, "/spec/desiredState", "Cancel")
        if written is None:
            self._state.tasks.drop(task)
        else:
            self._state.tasks.put(written)

    def _deleting(self, kind: Kind, body: Json) -> Callable[[], Awaitable[None]]:
        return lambda: self._cluster.delete(kind, ref_of(body), body["metadata"]["uid"])
