"""Doing what a decision says. Every write is idempotent: names are deterministic, and what is there already is fine."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.manifests import labels
from fedtrain.manifests.hub_job import hub_job, hub_source
from fedtrain.manifests.kinds import JOB, SECRET, TASK, Json, Ref
from fedtrain.manifests.kinds import ref as ref_of
from fedtrain.manifests.render_digest import mark, mark_of
from fedtrain.manifests.settings import Settings
from fedtrain.manifests.training_task import training_task
from fedtrain.rounds.decision import Action, AggregateOrder, Cancel, Claim, Start
from fedtrain.rounds.snapshot import TaskKey
from fedtrain_operator.coordinator.credentials import take_back
from fedtrain_operator.coordinator.executions import cancelled
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.stores import copied
from fedtrain_operator.kube.client import AlreadyExists


class Executor:
    """Of one training, for one pass. `records`: the Participants that it names."""

    def __init__(
        self,
        world: ClusterState,
        settings: Settings,
        training: Ref,
        spec: FederatedTrainingSpec,
        memory: Memory,
        records: Mapping[str, Json],
    ) -> None:
        assert memory.run is not None
        assert memory.ledger is not None
        self._world, self._cluster = world, world.cluster
        self._settings = settings
        self._training = training
        self._spec = spec
        self._memory = memory
        self._run: Run = memory.run
        self._ledger: Ledger = memory.ledger
        self._records = records

    async def apply(self, actions: tuple[Action, ...]) -> None:
        """Raises StoreError, ApiError; what was done before is done, and doing it again changes nothing."""
        for action in actions:
            match action:
                case Claim(name, record):
                    await asyncio.to_thread(self._ledger.claim, name, record)
                case Start(key, order) if isinstance(order, AggregateOrder) or key.who.startswith("_"):
                    job = hub_job(self._spec, self._run, key, order, self._settings, self._memory.uid)
                    await self._start_job(job)
                case Start(key, order) if key.who in self._records:
                    assert not isinstance(order, AggregateOrder)
                    namespace: str = self._records[key.who]["spec"]["namespace"]
                    await self._copy_credentials(namespace)
                    await self._start_task(training_task(self._spec, self._run, key, order, namespace))
                case Start():
                    pass  # its Participant is gone; the round's deadline decides without it
                case Cancel(key):
                    await self._cancel(key)
        await self._lend()

    async def clear(self, before: int) -> None:
        """Deletes what rounds before `before` have left behind."""
        for kind, cache in ((TASK, self._world.tasks), (JOB, self._world.jobs)):
            for body in cache.of(self._training):
                key = labels.key_of(body, self._run.run_id)
                if key is not None and key.round < before and over(body):
                    await self._cluster.delete(kind, ref_of(body), body["metadata"]["uid"])
                    cache.drop(body)

    async def stop_other_runs(self) -> None:
        """Stops the tasks of a run whose spec was corrected before it began: the name has another run now."""
        for kind, cache in ((TASK, self._world.tasks), (JOB, self._world.jobs)):
            for body in cache.of(self._training):
                if labels.of_other_run(body, self._run.run_id):
                    await self._cluster.delete(kind, ref_of(body), body["metadata"]["uid"])
                    cache.drop(body)

    async def make_anew(
        self, waiting: Sequence[tuple[Json, Sequence[Json]]], stuck: Collection[Ref], now: float
    ) -> bool:
        """Deletes the hub's Jobs, here with their pods, that will start no more, or are `stuck` and would be made
        otherwise now; whether there were any."""
        now_made = mark(hub_source(self._settings))
        lost = [
            job
            for job, pods in waiting
            if self._memory.limbo.lost(ref_of(job), pods, now) or (ref_of(job) in stuck and mark_of(job) != now_made)
        ]
        for job in lost:
            await self._cluster.delete(JOB, ref_of(job), job["metadata"]["uid"])
            self._world.jobs.drop(job)
            self._memory.limbo.forget(ref_of(job))
        return bool(lost)

    async def _start_job(self, job: Json) -> None:
        try:
            self._world.jobs.put(await self._cluster.create(JOB, job))
        except AlreadyExists:
            there = await self._cluster.get(JOB, ref_of(job))
            if there is not None:
                self._world.jobs.put(there)

    async def _start_task(self, task: Json) -> None:
        try:
            self._world.tasks.put(await self._cluster.create(TASK, task))
            return
        except AlreadyExists:
            there = await self._cluster.get(TASK, ref_of(task))
        if there is None:
            return
        self._world.tasks.put(there)
        if cancelled(there) and there.get("status", {}).get("phase") in ("Cancelled", "Succeeded", "Failed", "Refused"):
            # It was stopped and is to go on: it is made anew once it is gone.
            await self._cluster.delete(TASK, ref_of(there), there["metadata"]["uid"])

    async def _cancel(self, key: TaskKey) -> None:
        for body in self._world.tasks.of(self._training):
            if labels.key_of(body, self._run.run_id) == key:
                told = await self._cluster.write_field(TASK, body, "/spec/desiredState", "Cancel")
                if told is None:
                    self._world.tasks.drop(body)
                else:
                    self._world.tasks.put(told)
        for body in self._world.jobs.of(self._training):
            if labels.key_of(body, self._run.run_id) == key:
                await self._cluster.delete(JOB, ref_of(body), body["metadata"]["uid"])
                self._world.jobs.drop(body)

    async def _lend(self) -> None:
        """To the tasks that wait: what was copied for them may have been deleted, or be no longer right."""
        if not self._memory.lend:
            return
        for task in self._world.tasks.of(self._training):
            if task.get("status", {}).get("phase", "Pending") == "Pending" and not cancelled(task):
                await self._copy_credentials(task["metadata"]["namespace"])
        self._memory.lend = False

    async def take_back(self) -> None:
        """The credentials, when no task is to run: each that starts later brings them along again."""
        names = [one.name for one in self._spec.participants]
        await take_back(self._world, self._training, names, self._world.tasks.of(self._training))
        self._memory.copied.clear()

    async def _copy_credentials(self, namespace: str) -> None:
        """The store's credentials beside a participant's tasks, as the hub's Secret has them now."""
        if self._memory.secret is None or namespace in self._memory.copied:
            return
        ref = Ref(namespace, labels.secret_name(self._training))
        secret: Json = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": ref.name, "namespace": namespace, "labels": labels.of_training(self._training)},
            "data": dict(copied(self._memory.secret)),
        }
        try:
            await self._cluster.create(SECRET, secret)
        except AlreadyExists:
            await self._cluster.replace(SECRET, secret)
        self._memory.copied.add(namespace)


def over(body: Json) -> bool:
    """Whether a TrainingTask or a Job has ended; in a list, objects don't say of which kind they are."""
    status = body.get("status", {})
    ended = any(
        one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in status.get("conditions", ())
    )
    return ended or status.get("phase") in ("Succeeded", "Failed", "Refused", "Cancelled")
