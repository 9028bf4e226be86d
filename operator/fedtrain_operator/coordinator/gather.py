"""What a decision is made from: API objects first, the ledger second; what the ledger says of an object that has ended
is then no older."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.rounds.snapshot import Snapshot
from fedtrain_operator.coordinator import status
from fedtrain_operator.coordinator.round_history import last_rounds
from fedtrain_operator.coordinator.state import ClusterState, Memory

STOOD_STILL = 3
"""So many resyncs without a look at the ledger: this process was frozen, and what others did meanwhile is not known."""


def asked(body: Json) -> object:
    """Of a training, what its user says."""
    metadata = body["metadata"]
    return metadata.get("generation"), tuple(metadata.get("annotations") or ())


@dataclass
class Gatherer:
    """Of one training, for one pass. `acknowledged`: failures that were gone on from; what is asked in a pass is
    asked once, so that a failure of this very pass stands. `fresh`: whether the ledger was read in this pass."""

    world: ClusterState
    training: Ref
    body: Json
    spec: FederatedTrainingSpec
    memory: Memory
    resync: float
    steady: Callable[[], float]
    acknowledged: int | None = None
    fresh: bool = False

    async def gather(self) -> Snapshot:
        """Raises StoreError, ApiError. The ledger is read anew when something has ended, when the object has changed,
        when `memory.facts` was dropped, and now and then."""
        memory = self.memory
        assert memory.gatherer is not None
        assert memory.ledger is not None
        await self.world.why_jobs_failed(self.training, memory)
        executions = memory.executions.of(
            memory.gatherer.run.run_id,
            self.world.tasks.of(self.training),
            self.world.jobs.of(self.training),
            lambda job: memory.verdicts[job["metadata"]["uid"]],
            self.steady(),
        )
        seen = frozenset({asked(self.body), *(item for item in executions.items() if item[1].state != "Running")})
        now, answered = self.steady(), None
        if now - memory.read > STOOD_STILL * self.resync:
            memory.clock.pause()
        if memory.facts is None or seen != memory.ended or now - memory.read > self.resync:
            gatherer, ledger = memory.gatherer, memory.ledger
            facts = await asyncio.to_thread(gatherer.gather)
            told = memory.rounds or self.body.get("status", {}).get("lastRounds", ())
            memory.rounds = await asyncio.to_thread(last_rounds, self.spec, ledger, facts, told)
            memory.facts, memory.ended, memory.read = facts, seen, now
            self.fresh = True
            answered = self.steady()
        facts = memory.facts
        if facts.manifest is not None and 0 <= memory.clock.round < facts.current.round:
            self.world.measures.recorded(facts.manifest.outcome, memory.clock.seconds, memory.update_bytes)
        memory.update_bytes = sum(update.size for update in facts.current.updates.values())
        elapsed = memory.clock.tick(facts.current.round, len(facts.failures) + 1, now)
        if answered is not None:
            memory.clock.answered(answered)
        if self.acknowledged is None:
            self.acknowledged = status.acknowledged(self.body, len(facts.failures))
        return Snapshot(
            spec=self.spec,
            ledger=facts,
            executions=executions,
            elapsed=elapsed,
            acknowledged=self.acknowledged,
            suspended=self.spec.suspend,
        )
