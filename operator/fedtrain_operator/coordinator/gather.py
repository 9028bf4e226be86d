"""Gathering a snapshot: API objects first, then the ledger, which is thus never older than an object's end."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.rounds.snapshot import Snapshot
from fedtrain_operator.coordinator import status
from fedtrain_operator.coordinator.own_objects import is_own_job, is_own_task
from fedtrain_operator.coordinator.round_history import last_rounds
from fedtrain_operator.coordinator.state import ClusterState, Memory

FROZEN_RESYNCS = 3
"""Resyncs without a read of the ledger after which this process must have been frozen."""


def wishes(body: Json) -> object:
    """The part of a training that its user writes."""
    metadata = body["metadata"]
    return metadata.get("generation"), tuple(metadata.get("annotations") or ())


@dataclass
class Gatherer:
    """Gathers for one training in one pass. `records`: the Participants that the training names and that exist, by
    name. `unasked`: participants that cannot be given tasks, and why.
    `acknowledged`: failures that the user asked to resume from, read once a pass so that a failure of this very pass
    stands. `fresh`: whether the ledger was read in this pass."""

    state: ClusterState
    training: Ref
    body: Json
    spec: FederatedTrainingSpec
    memory: Memory
    resync: float
    records: Mapping[str, Json]
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])
    acknowledged: int | None = None
    fresh: bool = False

    def tasks(self) -> list[Json]:
        """The tasks of the run."""
        assert self.memory.run is not None
        run = self.memory.run
        return [task for task in self.state.tasks.of(self.training) if is_own_task(task, run, self.records)]

    async def gather(self) -> Snapshot:
        """Reads the ledger again when an execution has ended, when the object has changed, when `memory.facts` was
        dropped, and at every resync. Raises StoreError, ApiError."""
        memory = self.memory
        assert memory.gatherer is not None
        assert memory.ledger is not None
        await self.state.read_outcomes(self.training, memory)
        existing = memory.executions.of(
            memory.gatherer.run.run_id,
            self.tasks(),
            [job for job in self.state.jobs.of(self.training) if is_own_job(job, memory.gatherer.run)],
            lambda job: memory.outcomes.get(job["metadata"]["uid"]),  # one may have failed since they were read
            self.state.steady(),
        )
        seen = frozenset({wishes(self.body), *(item for item in existing.items() if item[1].state != "Running")})
        now, answered = self.state.steady(), None
        if now - memory.read > FROZEN_RESYNCS * self.resync:
            memory.clock.pause()
        if memory.facts is None or seen != memory.ended or now - memory.read > self.resync:
            gatherer, ledger = memory.gatherer, memory.ledger
            facts = await asyncio.to_thread(gatherer.gather)
            known = memory.rounds or self.body.get("status", {}).get("lastRounds", ())
            memory.rounds = await asyncio.to_thread(last_rounds, self.spec, ledger, facts, known)
            memory.facts, memory.ended, memory.read = facts, seen, now
            self.fresh = True
            answered = self.state.steady()
        facts = memory.facts
        if facts.manifest is not None and 0 <= memory.clock.round < facts.current.round:
            self.state.metrics.recorded(facts.manifest.outcome, memory.clock.seconds, memory.update_bytes)
        memory.update_bytes = sum(update.size for update in facts.current.updates.values())
        elapsed = memory.clock.tick(facts.current.round, len(facts.failures) + 1, now)
        if answered is not None:
            memory.clock.answered(answered)
        if self.acknowledged is None:
            self.acknowledged = status.acknowledged(self.body, len(facts.failures))
        return Snapshot(
            spec=self.spec,
            ledger=facts,
            executions={**memory.refusals.executions(facts.current.round), **existing},
            elapsed=elapsed,
            acknowledged=self.acknowledged,
            suspended=self.spec.suspend,
            refusing=memory.refusals.refusing(),
            unlisted=memory.refusals.unlisted(),
            unasked=self.unasked,
            silent=self.state.heartbeats.silent(one.name for one in self.spec.participants),
        )
