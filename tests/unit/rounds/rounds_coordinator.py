"""Coordinators of such a run, with the real gathering of records, and executors that end tasks as a test says."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rounds_world import Flaw, Order, World

from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import STOPPED, TERMINAL, Cancel, Claim, Decision, Start
from fedtrain.rounds.snapshot import Execution, Snapshot, TaskKey


class Runaway(AssertionError):
    """A run that neither ends nor waits for anything."""


@dataclass
class Coordinator:
    """One coordinator with its own executor. `look` and `act` are apart, so that a decision may come too late."""

    world: World
    acknowledged: int = 0
    suspended: bool = False
    silent: dict[str, str] = field(default_factory=dict[str, str])
    refusing: dict[str, str] = field(default_factory=dict[str, str])
    unasked: dict[str, str] = field(default_factory=dict[str, str])
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
            self.world.spec,
            facts,
            executions,
            self.elapsed,
            self.acknowledged,
            suspended=self.suspended,
            silent=dict(self.silent),
            refusing=dict(self.refusing),
            unasked=dict(self.unasked),
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
        """The coordinator and its executor end and start again."""
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
        silent=snapshot.silent,
        refusing=snapshot.refusing,
        unasked=snapshot.unasked,
    )
    changed = decide(then, now + later)
    assert (changed.phase, changed.actions, changed.keep) == (decision.phase, decision.actions, decision.keep)
