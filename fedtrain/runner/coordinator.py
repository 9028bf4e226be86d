"""The local coordinator: gather, decide, apply, until the run is over. All decisions are `fedtrain.rounds.decide`'s.

A ledger that refuses a read or a write, of this process or of a task, ends this process: the user is at hand, can fix
the cause and run the file again.
"""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_claim import check_not_replaced
from fedtrain.ledger.store import StoreRefused, StoreUnavailable
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import TERMINAL, Cancel, Claim, Decision, Start
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.runner.elapsed import KeptClock
from fedtrain.runner.errors import RunError
from fedtrain.runner.events import (
    Listener,
    OtherCoordinator,
    PhaseChanged,
    RunEnded,
    StoreOutage,
    TaskStarted,
    WorkersStarting,
)
from fedtrain.runner.executor import Executor
from fedtrain.runner.missing_data import missing_data
from fedtrain.runner.presence import Coordinating
from fedtrain.runner.round_events import RoundEvents
from fedtrain.runner.worker_pool import Ended

LONGEST_WAIT_SECONDS = 1.0
STORE_PAUSE_SECONDS = 2.0

Observer = Callable[[Snapshot, float, Decision], None]


@dataclass(frozen=True)
class Outcome:
    """How a run stands when the coordinator leaves it. `reason`: of a failure. `before`: it had ended
    before, so nothing was done."""

    phase: str
    round: int
    message: str
    reason: str | None = None
    before: bool = False


class Coordinator:
    """Drives one run with this executor. `observe` sees every snapshot, time and decision. `appeared` returns other
    coordinators of the run that were not reported before."""

    def __init__(
        self,
        *,
        spec: FederatedTrainingSpec,
        ledger: Ledger,
        run: Run,
        executor: Executor,
        listener: Listener,
        observe: Observer | None = None,
        appeared: Callable[[], list[Coordinating]] = list,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._ledger = ledger
        self._run = run
        self._executor = executor
        self._listener = listener
        self._observe = observe
        self._appeared = appeared
        self._clock = clock
        self._gatherer = LedgerGatherer(ledger, run)
        self._elapsed = KeptClock(ledger, run.run_id)
        self._teller = RoundEvents(spec, ledger, listener, clock)
        self._acknowledged = len(self._gatherer.gather().failures)
        self._starting = 0
        self._told: tuple[int, str, str] | None = None

    def run(self) -> Outcome:
        """Return when the run has succeeded or failed. Raises StoreError, but waits while the store is unavailable;
        RunError."""
        while True:
            try:
                decision = self._step()
            except StoreUnavailable as error:
                self._elapsed.out()
                self._listener(StoreOutage(str(error)))
                time.sleep(STORE_PAUSE_SECONDS)
                continue
            if decision.phase in TERMINAL and not decision.actions:
                self._listener(RunEnded(decision.phase, decision.round, decision.message))
                return Outcome(decision.phase, decision.round, decision.message, decision.reason)

    def _step(self) -> Decision:
        self._report_workers()
        executions = self._executor.executions()
        for execution in executions.values():
            if execution.ledger_refused:
                raise StoreRefused(execution.reason)
        asked = self._clock()
        facts = self._gatherer.gather()
        now = self._clock()
        elapsed = self._elapsed.tick(facts.current.round, len(facts.failures) + 1, asked, now)
        snapshot = Snapshot(self._spec, facts, executions, elapsed, self._acknowledged)
        for other in self._appeared():
            self._listener(OtherCoordinator(other.text))
        self._teller.tell(facts)
        decision = decide(snapshot, now)
        if self._observe:
            self._observe(snapshot, now, decision)
        if (missing := missing_data(snapshot, decision)) is not None:
            self._elapsed.restart()
            raise RunError(missing)
        if (said := (decision.round, decision.phase, decision.message)) != self._told:
            self._told = said
            self._listener(PhaseChanged(*said))
        claimed = self._apply(decision)
        if not claimed and decision.phase not in TERMINAL:
            self._wait(decision.wake_after)
        return decision

    def _report_workers(self) -> None:
        if (starting := self._executor.starting) != self._starting:
            self._starting = starting
            self._listener(WorkersStarting(starting))

    def _apply(self, decision: Decision) -> bool:
        """Whether the ledger has changed, so that the next decision is due at once."""
        claimed = False
        for action in decision.actions:
            match action:
                case Claim(name, record):
                    if name == names.manifest(0):
                        check_not_replaced(self._ledger, self._run)
                    self._ledger.claim(name, record)
                    claimed = True
                case Start(key, order):
                    self._executor.start(key, order)
                    self._listener(TaskStarted(key))
                case Cancel(key):
                    self._executor.cancel(key)
        return claimed

    def _wait(self, wake_after: float | None) -> None:
        """Until a task ends, or time is due; progress is passed on meanwhile."""
        until = self._clock() + min(LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS if wake_after is None else wake_after)
        while (left := until - self._clock()) > 0:
            try:
                event = self._executor.events.get(timeout=left)
            except queue.Empty:
                return
            self._teller.pass_on(event)
            if isinstance(event, Ended):
                return
