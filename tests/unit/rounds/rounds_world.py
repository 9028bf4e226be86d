"""A run without a trainer: the real ledger over a store in memory, and what its tasks would write."""

from dataclasses import dataclass, field
from typing import Any, Literal

from rounds_store import MemoryStore

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import NoisyMean
from fedtrain.contracts.records import (
    Aggregate,
    Close,
    Evaluation,
    Initial,
    Manifest,
    ModelFacts,
    Plan,
    Quarantined,
    Run,
    Weight,
)
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Train
from fedtrain.contracts.untrusted_records import Measurement, Preflight
from fedtrain.ledger.closes import next_close
from fedtrain.ledger.ledger import Ledger
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey
from tests.support.updates import an_update

Flaw = Literal["", "no file", "short file", "poison"]
Order = Task | AggregateOrder


CONFIG = digest_bytes(b"config")
FACTS = ModelFacts(base_parameters=1000, adapter_parameters=10, hidden_size=4, layers=2, vocabulary=32)
LOSS = {"metrics": [{"name": "loss", "type": "Loss"}]}


def a_spec(
    participants: int = 2,
    *,
    rounds: int = 2,
    minimum: int | None = None,
    retries: int = 0,
    below: str = "Fail",
    hub: bool = False,
    measured: bool = False,
    partitioning: dict[str, Any] | None = None,
    privacy: dict[str, Any] | None = None,
    gate: dict[str, Any] | None = None,
    patience: int | None = None,
    every: int = 1,
) -> FederatedTrainingSpec:
    """Participants `a`, `b`, ... and a deadline of 100 seconds. `patience`: of early stopping."""
    evaluation: dict[str, Any] = {"every": every}
    if hub:
        evaluation["hub"] = {"data": {"uri": "test.jsonl"}, **LOSS}
    if gate is not None:
        evaluation["gate"] = {"metric": "loss", **gate}
    if measured:
        evaluation["participants"] = LOSS
    return FederatedTrainingSpec.model_validate(
        {
            "model": {"base": "org/base"},
            "data": {"dataset": "d", "format": "Text"},
            "participants": [{"name": name} for name in "abcdefgh"[:participants]],
            "rounds": {
                "count": rounds,
                "deadline": "100s",
                "minParticipants": minimum,
                "retries": retries,
                "belowMinimum": below,
                **({"earlyStopping": {"metric": "loss", "patience": patience}} if patience else {}),
            },
            "training": {"length": {"type": "Steps", "steps": 2}},
            "partitioning": partitioning or {"strategy": "FixedSize", "fixedSize": {"samples": 4}},
            "evaluation": evaluation,
        }
        | ({"aggregation": {"weights": "Uniform"}, "privacy": privacy} if privacy else {})
    )


@dataclass
class World:
    """One run's ledger, what its tasks would write, and its clock. `samples`: of each participant (20 if unnamed)."""

    spec: FederatedTrainingSpec
    samples: dict[str, int] = field(default_factory=dict[str, int])
    now: float = 1000.0
    store: MemoryStore = field(default_factory=MemoryStore)
    executed: int = 0
    losses: dict[int, float] = field(default_factory=dict[int, float])
    """The hub's loss of the adapter that each round makes; 1 if not given."""
    stateful: bool = False
    """Whether the aggregator keeps a state."""
    base: BaseFingerprint | None = None
    """Fingerprint of the base model in round 0."""

    def __post_init__(self) -> None:
        self.ledger = self.open()
        spec = self.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        judged = self.spec.privacy or self.spec.evaluation.gate or self.spec.rounds.early_stopping
        spec = spec if judged else {}
        self.run = self.ledger.claim(names.RUN, Run(run_id="run-1", namespace="default", name="demo", spec=spec))

    def open(self) -> Ledger:
        """The ledger as another process sees it, with nothing remembered."""
        return Ledger(self.store, "default", "demo")

    def manifests(self) -> list[Manifest]:
        found: list[Manifest] = []
        while (manifest := self.ledger.read(names.manifest(len(found)), Manifest)) is not None:
            found.append(manifest)
        return found

    def execute(self, key: TaskKey, order: Order, flaw: Flaw = "") -> None:
        """What a task writes when it comes to its end. `flaw`: of an update."""
        self.executed += 1
        if isinstance(order, AggregateOrder):
            self._aggregate(order)
            return
        work = order.work
        if isinstance(work, Inspect):
            samples = self.samples.get(key.who, 20)
            preflight = Preflight(
                run_id=self.run.run_id, participant=key.who, samples=samples, validation_samples=2, fingerprint=CONFIG
            )
            self.ledger.claim(names.preflight(key.who), preflight)
        elif isinstance(work, Initialise):
            initial = Initial(
                run_id=self.run.run_id,
                adapter=digest_bytes(b"adapter"),
                config=CONFIG,
                facts=FACTS,
                base_fingerprint=self.base,
            )
            self.ledger.claim(names.initial(), initial)
        elif isinstance(work, Evaluate):
            evaluation = Evaluation(
                run_id=self.run.run_id,
                round=key.round,
                k=work.k,
                adapter=work.adapter,
                samples=5,
                metrics={"loss": self.losses.get(key.round, 1.0)},
            )
            self.ledger.claim(names.evaluation(key.round, work.k), evaluation)
        elif isinstance(work, Measure):
            measurement = Measurement(
                run_id=self.run.run_id,
                round=order.round,
                participant=key.who,
                adapter=work.adapter,
                metrics={"loss": 1.0},
            )
            self.ledger.claim(names.measurement(order.round, key.who), measurement)
        else:
            self._train(key, work, flaw)

    def _train(self, key: TaskKey, work: Train, flaw: Flaw) -> None:
        # What training makes depends on the slice, the seed and the adapter, never on the attempt.
        made = f"{key.who}:{work.adapter}:{work.start}+{work.samples}:{work.seed}".encode()
        content = b"poison" if flaw == "poison" else made
        file = names.update_file(work.plan, str(self.executed))
        if flaw != "no file":
            name = f"{names.update_folder(key.round, key.who, key.attempt)}/{file}"
            self.store.create(f"default/demo/{name}", content[:-1] if flaw == "short file" else content)
        update = an_update(
            run_id=self.run.run_id,
            round=key.round,
            participant=key.who,
            attempt=key.attempt,
            file=file,
            digest=digest_bytes(content),
            size=len(content),
            samples=work.samples,
            distinct=work.distinct,
            steps=2,
            tokens=10,
        )
        self.ledger.claim(names.update(key.round, key.who, key.attempt), update)

    def _aggregate(self, order: AggregateOrder) -> None:
        """The aggregator's protocol: the next close without what is poisoned, else the aggregate of this one."""
        round, k = order.round, order.k
        close = self.ledger.read(names.close(round, k), Close)
        before = self.ledger.read(names.manifest(round - 1), Manifest)
        assert close is not None
        assert before is not None
        following, adopted = next_close(self.ledger, close)
        if adopted or self.ledger.read(names.aggregate(round, k), Aggregate):
            return
        poison = digest_bytes(b"poison")
        bad = [update for update in close.updates if update.digest == poison]
        if bad:
            quarantined = [Quarantined(participant=u.participant, attempt=u.attempt, reason="poison") for u in bad]
            without = close.model_copy(
                update={
                    "k": following,
                    "updates": tuple(update for update in close.updates if update.digest != poison),
                    "quarantined": (*close.quarantined, *quarantined),
                }
            )
            self.ledger.claim(names.close(round, following), without)
            return
        count = len(close.updates)
        noisy = self._draw(round, k)
        aggregate = Aggregate(
            run_id=self.run.run_id,
            round=round,
            k=k,
            adapter=next_adapter(before.adapter, close),
            state=digest_bytes(f"state {round} after {before.state}".encode()) if self.stateful else None,
            weights=tuple(Weight(participant=u.participant, weight=1 / count, norm=1.0) for u in close.updates),
            update_norm=1.0,
            privacy=noisy,
        )
        self.ledger.claim(names.aggregate(round, k), aggregate)

    def _draw(self, round: int, k: int) -> NoisyMean | None:
        """Claims the noise of a close; the clipping norm doubles in each round."""
        plan = self.ledger.read(names.plan(round), Plan)
        assert plan is not None
        assert (plan.privacy is None) == (self.spec.participant_privacy is None)
        if plan.privacy is None:
            return None
        spend = self.draw(round, k, plan.privacy.multiplier)
        assert spend.multiplier is not None, "the coordinator has ended this close"
        bound = plan.privacy.bound
        return NoisyMean(bound=bound, noise_std=1.0, spend=digest_of(spend), next_bound=2 * bound)

    def draw(self, round: int, k: int, multiplier: float) -> Spend:
        """What an aggregator writes before any noise."""
        made = Spend(run_id=self.run.run_id, round=round, k=k, multiplier=multiplier, seed="0" * 64)
        return self.ledger.claim(names.spend(round, k), made)


def next_adapter(adapter: str, close: Close) -> str:
    """Depends on the adapter before and the updates' bytes, in order."""
    return digest_bytes(" ".join([adapter, *(update.digest for update in close.updates)]).encode())
