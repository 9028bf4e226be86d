"""Trainings in the middle of round 2 as a coordinator leaves them: the objects of each one's ledger, and its tasks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fedtrain.adapters.layout import lay_out
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import (
    Aggregate,
    Close,
    Closed,
    Initial,
    Manifest,
    ModelFacts,
    Plan,
    PlanMember,
    Run,
    Weight,
)
from fedtrain.contracts.untrusted_records import Preflight, Update
from fedtrain.manifests.kinds import TRAINING, Json, Ref
from fedtrain.manifests.training_task import training_task
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey

ROUND = 2
"""The round in whose middle they are: every participant trains."""
SAMPLES = 64
_HEADER, _ = lay_out({"layer.lora_B.weight": ("F32", (8, 8))})
CONFIG = b"{}"
ADAPTER = _HEADER + bytes(8 * 8 * 4)
"""The global adapter, from whose layout the coordinator knows the size of an update."""


@dataclass(frozen=True)
class Training:
    """One of them, `ref`; participant `who` is in namespace `who`."""

    ref: Ref
    participants: tuple[str, ...]
    storage: Json

    @property
    def spec(self) -> Json:
        return {
            "model": {"base": "example/base", "revision": "0" * 40, "adapter": {"rank": 8, "alpha": 16}},
            "data": {"dataset": "rows", "format": "PromptCompletion", "maxLength": 512},
            "participants": [{"name": who, "compute": {"cpu": "1", "memory": "2Gi"}} for who in self.participants],
            "rounds": {"count": 10, "deadline": "12h"},
            "training": {"length": {"type": "Steps", "steps": 20}, "batchSize": 8, "microBatchSize": 4},
            "storage": self.storage,
        }

    @property
    def body(self) -> Json:
        metadata = {"name": self.ref.name, "namespace": self.ref.namespace}
        return {"apiVersion": TRAINING.api_version, "kind": TRAINING.name, "metadata": metadata, "spec": self.spec}

    @cached_property
    def run(self) -> Run:
        run_id = digest_bytes(str(self.ref).encode()).removeprefix("blake3:")[:32]  # the same in every process
        return Run(run_id=run_id, namespace=self.ref.namespace, name=self.ref.name, spec=self.spec)

    def records(self) -> Iterator[tuple[str, Record]]:
        """The ledger: round 0, a whole round 1, and the plan of round 2."""
        adapter, config = digest_bytes(ADAPTER), digest_bytes(CONFIG)
        yield names.RUN, self.run
        yield from ((names.preflight(who), preflight) for who, preflight in self._preflights.items())
        facts = ModelFacts(
            base_parameters=135_000_000, adapter_parameters=1_000_000, hidden_size=576, layers=30, vocabulary=49152
        )
        yield names.initial(), Initial(run_id=self.run.run_id, adapter=adapter, config=config, facts=facts)
        yield names.manifest(0), self._first
        plan = self._plan(1, self._first)
        yield names.plan(1), plan
        updates = {who: self._update(who) for who in self.participants}
        yield from ((names.update(1, who, 1), update) for who, update in updates.items())
        close = self._close(updates)
        yield names.close(1, 1), close
        share = 1 / len(updates)
        weights = tuple(Weight(participant=who, weight=share, norm=1.0) for who in updates)
        aggregate = Aggregate(run_id=self.run.run_id, round=1, k=1, adapter=adapter, weights=weights, update_norm=1.0)
        yield names.aggregate(1, 1), aggregate
        yield names.manifest(1), self._second(plan, close, aggregate)
        yield names.plan(ROUND), self._plan(ROUND, self._second(plan, close, aggregate))

    def tasks(self) -> Iterator[Json]:
        """The TrainingTasks of round 2, as the coordinator makes them."""
        spec = FederatedTrainingSpec.model_validate(self.spec)
        records = dict(self.records())
        plan, manifest = records[names.plan(ROUND)], records[names.manifest(ROUND - 1)]
        assert isinstance(plan, Plan)
        assert isinstance(manifest, Manifest)
        for member in plan.members:
            who = member.participant
            key = TaskKey(ROUND, "Train", who, 1)
            order = orders.train_task(spec, self.run, key, plan, member, self._preflights[who], manifest, None)
            yield training_task(spec, self.run, key, order, who)

    @cached_property
    def _preflights(self) -> dict[str, Preflight]:
        return {
            who: Preflight(
                run_id=self.run.run_id,
                participant=who,
                samples=1000,
                validation_samples=100,
                fingerprint=digest_bytes(who.encode()),
            )
            for who in self.participants
        }

    @property
    def _first(self) -> Manifest:
        return Manifest(
            run_id=self.run.run_id,
            round=0,
            outcome="Initial",
            step=0,
            adapter=digest_bytes(ADAPTER),
            config=digest_bytes(CONFIG),
            previous=digest_of(self.run),
        )

    def _second(self, plan: Plan, close: Close, aggregate: Aggregate) -> Manifest:
        return Manifest(
            run_id=self.run.run_id,
            round=1,
            outcome="Committed",
            k=1,
            step=1,
            adapter=aggregate.adapter,
            config=self._first.config,
            plan=digest_of(plan),
            close=digest_of(close),
            aggregate=digest_of(aggregate),
            previous=digest_of(self._first),
        )

    def _plan(self, round: int, previous: Manifest) -> Plan:
        start = (round - 1) * SAMPLES
        members = (
            PlanMember(participant=who, start=start, samples=SAMPLES, distinct=SAMPLES, seed=round)
            for who in self.participants
        )
        return Plan(
            run_id=self.run.run_id,
            round=round,
            previous=digest_of(previous),
            members=tuple(members),
            preflights=tuple(self._preflights.values()),
            progress_start=(round - 1) / 10,
            progress_end=round / 10,
            positions=dict.fromkeys(self.participants, start + SAMPLES),
        )

    def _update(self, who: str) -> Update:
        return Update(
            run_id=self.run.run_id,
            round=1,
            participant=who,
            attempt=1,
            file="1.safetensors",
            digest=digest_bytes(who.encode()),
            size=4,
            samples=SAMPLES,
            distinct=SAMPLES,
            steps=8,
            tokens=8000,
            train_loss=2.0,
        )

    def _close(self, updates: dict[str, Update]) -> Close:
        closed = (
            Closed(participant=who, attempt=1, digest=update.digest, record=digest_of(update))
            for who, update in updates.items()
        )
        return Close(run_id=self.run.run_id, round=1, k=1, epoch=1, updates=tuple(closed))
