"""A run without a trainer: the real ledger and gatherer over a store in memory, and hands that do as they are told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import (
    Aggregate,
    Close,
    Evaluation,
    Initial,
    Manifest,
    Measurement,
    ModelFacts,
    Preflight,
    Quarantined,
    Run,
    Update,
    Weight,
)
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Train
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectMissing, ObjectReader
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import STOPPED, TERMINAL, AggregateOrder, Cancel, Claim, Decision, Start
from fedtrain.rounds.snapshot import Execution, Snapshot, TaskKey

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
) -> FederatedTrainingSpec:
    """Participants `a`, `b`, ... and a deadline of 100 seconds."""
    evaluation: dict[str, Any] = {}
    if hub:
        evaluation["hub"] = {"data": {"uri": "test.jsonl"}, **LOSS}
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
            },
            "training": {"length": {"type": "Steps", "steps": 2}},
            "partitioning": partitioning or {"strategy": "FixedSize", "fixedSize": {"samples": 4}},
            "evaluation": evaluation,
        }
    )


class BytesReader:
    """An ObjectReader of bytes."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def close(self) -> None:
        """Holds nothing."""


class MemoryStore:
    """An ObjectStore in a dict."""

    url = "memory://store"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise ObjectMissing(key)
        return self.objects[key]

    def size(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    def open(self, key: str) -> ObjectReader:
        return BytesReader(self.get(key))

    def create(self, key: str, content: bytes | Path) -> bool:
        assert isinstance(content, bytes)
        if key in self.objects:
            return False
        self.objects[key] = content
        return True

    def replace(self, key: str, content: bytes | Path) -> None:
        assert isinstance(content, bytes)
        self.objects[key] = content

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def delete(self, prefix: str) -> None:
        for key in list(self.keys(prefix)):
            del self.objects[key]


class Runaway(AssertionError):
    """A run that neither ends nor waits for anything."""


@dataclass
class World:
    """One run's ledger, what its tasks would write, and its clock. `samples`: of each participant (20 if unnamed)."""

    spec: FederatedTrainingSpec
    samples: dict[str, int] = field(default_factory=dict[str, int])
    now: float = 1000.0
    store: MemoryStore = field(default_factory=MemoryStore)
    executed: int = 0

    def __post_init__(self) -> None:
        self.ledger = self.open()
        self.run = self.ledger.claim(names.RUN, Run(run_id="run-1", namespace="default", name="demo", spec={}))

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
            initial = Initial(run_id=self.run.run_id, adapter=digest_bytes(b"adapter"), config=CONFIG, facts=FACTS)
            self.ledger.claim(names.initial(), initial)
        elif isinstance(work, Evaluate):
            evaluation = Evaluation(
                run_id=self.run.run_id,
                round=key.round,
                k=work.k,
                adapter=work.adapter,
                samples=5,
                metrics={"loss": 1.0},
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
        file = f"{self.executed}.safetensors"
        if flaw != "no file":
            name = f"{names.update_folder(key.round, key.who, key.attempt)}/{file}"
            self.store.create(f"default/demo/{name}", content[:-1] if flaw == "short file" else content)
        update = Update(
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
            train_loss=1.0,
        )
        self.ledger.claim(names.update(key.round, key.who, key.attempt), update)

    def _aggregate(self, order: AggregateOrder) -> None:
        """The aggregator's protocol: the next close without what is poisoned, else the aggregate of this one."""
        round, k = order.round, order.k
        adopted = self.ledger.read(names.aggregate(round, k), Aggregate)
        if adopted or self.ledger.read(names.close(round, k + 1), Close):
            return
        close, before = (
            self.ledger.read(names.close(round, k), Close),
            self.ledger.read(names.manifest(round - 1), Manifest),
        )
        assert close is not None
        assert before is not None
        poison = digest_bytes(b"poison")
        bad = [update for update in close.updates if update.digest == poison]
        if bad:
            quarantined = [Quarantined(participant=u.participant, attempt=u.attempt, reason="poison") for u in bad]
            following = close.model_copy(
                update={
                    "k": k + 1,
                    "updates": tuple(update for update in close.updates if update.digest != poison),
                    "quarantined": (*close.quarantined, *quarantined),
                }
            )
            self.ledger.claim(names.close(round, k + 1), following)
            return
        count = len(close.updates)
        aggregate = Aggregate(
            run_id=self.run.run_id,
            round=round,
            k=k,
            adapter=next_adapter(before.adapter, close),
            state=None,
            weights=tuple(Weight(participant=u.participant, weight=1 / count, norm=1.0) for u in close.updates),
            update_norm=1.0,
        )
        self.ledger.claim(names.aggregate(round, k), aggregate)


def next_adapter(adapter: str, close: Close) -> str:
    """Depends on the adapter before and the updates' bytes, in order."""
    return digest_bytes(" ".join([adapter, *(update.digest for update in close.updates)]).encode())


@dataclass
class Coordinator:
    """One coordinator with hands of its own. `look` and `act` are apart, so that a decision may come too late."""

    world: World
    acknowledged: int = 0
    suspended: bool = False
    executions: dict[TaskKey, Execution] = field(default_factory=dict[TaskKey, Execution])
    orders: dict[TaskKey, Order] = field(default_factory=dict[TaskKey, Order])
    decided: list[Decision] = field(default_factory=list[Decision])
    claims: list[tuple[Snapshot, Claim]] = field(default_factory=list[tuple[Snapshot, Claim]])
    """Those that this coordinator won, with what it knew."""
    cancelled: set[TaskKey] = field(default_factory=set[TaskKey])
    strays: list[tuple[TaskKey, Order]] = field(default_factory=list[tuple[TaskKey, Order]])
    """Tasks that were cancelled or lost, and may still write."""
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        self.ledger = self.world.open()
        self.gatherer = LedgerGatherer(self.ledger, self.world.run)
        self.elapsed = 0.0
        self.timed = (0, 1)

    def look(self) -> Snapshot:
        executions = dict(self.executions)
        facts = self.gatherer.gather()
        if self.timed != (facts.round, len(facts.failures) + 1):
            self.timed, self.elapsed = (facts.round, len(facts.failures) + 1), 0.0
        self.snapshot = Snapshot(
            self.world.spec, facts, executions, self.elapsed, self.acknowledged, suspended=self.suspended
        )
        return self.snapshot

    def act(self, *, actions: int | None = None) -> Decision:
        """Decides on what was seen last. `actions`: how many of them are applied before it crashes."""
        snapshot = self.snapshot or self.look()
        self.snapshot = None
        decision = decide(snapshot, self.world.now)
        assert decide(snapshot, self.world.now) == decision
        check_waiting(snapshot, decision, self.world.now)
        for action in decision.actions[:actions]:
            self._apply(snapshot, action)
        if decision.phase in STOPPED:
            self.cancelled.clear()
        self.decided.append(decision)
        return decision

    def step(self) -> Decision:
        self.look()
        return self.act()

    def _apply(self, snapshot: Snapshot, action: Cancel | Claim | Start) -> None:
        match action:
            case Claim(name, record):
                if self.world.store.size(f"default/demo/{name}") is None:
                    self.claims.append((snapshot, action))
                self.ledger.claim(name, record)
            case Start(key, order):
                assert key not in self.cancelled, f"{key} was cancelled although it is wanted"
                if self.executions.get(key, Execution("Done")).state != "Running":
                    self.executions[key], self.orders[key] = Execution("Running"), order
            case Cancel(key):
                if key in self.orders:
                    self.strays.append((key, self.orders.pop(key)))
                    del self.executions[key]
                    self.cancelled.add(key)

    def running(self) -> list[TaskKey]:
        """Preflights first, then by name."""
        return sorted(self.orders, key=lambda key: (key.kind != "Inspect", key))

    def finish(self, key: TaskKey, flaw: Flaw = "") -> None:
        """The task comes to its end."""
        self.world.execute(key, self.orders.pop(key), flaw)
        self.executions[key] = Execution("Done", self.world.now)

    def lose(self, key: TaskKey, *, retryable: bool = True, reason: str = "out of memory") -> None:
        """The task fails."""
        del self.orders[key]
        self.executions[key] = Execution("Failed", self.world.now, retryable, reason)

    def vanish(self, key: TaskKey) -> None:
        """The task ends well, as it says, and has written nothing."""
        del self.orders[key]
        self.executions[key] = Execution("Done", self.world.now)

    def crash(self, *, keep_elapsed: bool = False) -> None:
        """The coordinator and its hands are gone and there again."""
        self.strays.extend(self.orders.items())
        self.executions, self.orders, self.snapshot = {}, {}, None
        self.cancelled.clear()
        self.ledger = self.world.open()
        self.gatherer = LedgerGatherer(self.ledger, self.world.run)
        if not keep_elapsed:
            self.elapsed = 0.0

    def go_on(self) -> None:
        """The user applies the same file again."""
        self.acknowledged = len(self.look().ledger.failures)
        self.snapshot = None

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.world.now += seconds
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        if not self.suspended:
            self.elapsed += seconds

    def drive(self, *, hanging: bool = False) -> Decision:
        """Steps until the run has ended or failed; every task comes to its end, or none does."""
        return drive([self], hanging=hanging)

    def work_on(self, steps: int, flaws: Sequence[Flaw] = ()) -> None:
        """So many steps; a task comes to its end where nothing else is to be done. `flaws`: of the first updates."""
        left = list(flaws)
        for _ in range(steps):
            decision = self.step()
            if self.orders and all(isinstance(action, Start) for action in decision.actions):
                key = self.running()[0]
                self.finish(key, left.pop(0) if left and key.kind == "Train" else "")

    def until(self, phase: str, most: int = 200) -> Decision:
        """Works on until a decision has this phase; its actions are applied."""
        for _ in range(most):
            decision = self.step()
            if decision.phase == phase:
                return decision
            if self.orders and all(isinstance(action, Start) for action in decision.actions):
                self.finish(self.running()[0])
        raise Runaway(f"never {phase}; the last decision is {self.decided[-1]}")


def drive(coordinators: Sequence[Coordinator], *, hanging: bool = False, most: int = 1000) -> Decision:
    """Steps all coordinators in turn until the run has ended or failed for each, with no further fault."""
    first = coordinators[0]
    for _ in range(most):
        decisions = [coordinator.step() for coordinator in coordinators]
        if all(decision.phase in TERMINAL and not decision.actions for decision in decisions):
            return decisions[0]
        if any(not isinstance(action, Start) for decision in decisions for action in decision.actions):
            continue
        busy = [coordinator for coordinator in coordinators if coordinator.orders]
        if busy and not hanging:
            busy[0].finish(busy[0].running()[0])
            continue
        waits = [decision.wake_after for decision in decisions if decision.wake_after is not None]
        assert waits, f"waits for ever: {decisions}"
        first.world.now += min(waits)
        for coordinator in coordinators:
            coordinator.pass_time(min(waits))
    raise Runaway(f"no end after {most} steps; the last decision is {first.decided[-1]}")


def check_waiting(snapshot: Snapshot, decision: Decision, now: float) -> None:
    """Between now and `wake_after`, time alone changes nothing; and there is always something to wait for."""
    assert decision.wake_after is None or decision.wake_after > 0
    if decision.phase in STOPPED or any(isinstance(action, Claim) for action in decision.actions):
        return
    assert decision.wake_after is not None, f"a task that hangs would hang the run: {decision}"
    later = decision.wake_after / 2
    then = Snapshot(
        snapshot.spec,
        snapshot.ledger,
        snapshot.executions,
        snapshot.elapsed + later,
        snapshot.acknowledged,
        suspended=snapshot.suspended,
    )
    changed = decide(then, now + later)
    assert (changed.phase, changed.actions, changed.keep) == (decision.phase, decision.actions, decision.keep)
