"""Events for what is new in the ledger, and each round's telemetry."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.gate_state import explained
from fedtrain.contracts.records import Close, Closed, Evaluation, Manifest, Plan
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.rounds.counted_updates import delivered
from fedtrain.rounds.snapshot import LedgerFacts
from fedtrain.runner.events import Delivered, Listener, ObjectIgnored, Planned, Recorded
from fedtrain.runner.worker_pool import Ended, PoolEvent

_MOST_STRAYS, _LONGEST_NAME = 100, 200
"""Objects to report, and characters of a name: anyone with the store's credentials can write many."""


class RoundEvents:
    """Compares each gather with the previous one. Writes `telemetry/rounds/<round>/runner.json` when a round ends."""

    def __init__(
        self, spec: FederatedTrainingSpec, ledger: Ledger, listener: Listener, clock: Callable[[], float]
    ) -> None:
        self._spec = spec
        self._ledger = ledger
        self._listener = listener
        self._clock = clock
        self._before: LedgerFacts | None = None
        self._since = clock()
        self._tasks: list[dict[str, Any]] = []

    def tell(self, facts: LedgerFacts) -> None:
        before, self._before = self._before, facts
        new_round = before is None or before.current.round != facts.current.round
        if before is not None and facts.manifest is not None and facts.manifest != before.manifest:
            self._tell_ended(before, facts.manifest)
        known = dict[str, Closed]() if new_round or before is None else delivered(before)
        if facts.current.plan is not None and (new_round or before is None or before.current.plan is None):
            self._listener(self._planned(facts.current.plan))
        for who, closed in delivered(facts).items():
            if who not in known:
                self._listener(Delivered(facts.current.updates[who, closed.attempt]))
        told = before.strays.keys() if before else set[str]()
        for name in sorted(facts.strays.keys() - told)[: max(0, _MOST_STRAYS - len(told))]:
            self._listener(ObjectIgnored(name[:_LONGEST_NAME], facts.strays[name]))

    def _tell_ended(self, before: LedgerFacts, newest: Manifest) -> None:
        """Report every round that was recorded since `before`: another coordinator may have recorded several, whose
        plans and last updates this process has not seen."""
        first = before.manifest.round + 1 if before.manifest is not None else 0
        for number in range(first, newest.round + 1):
            manifest = self._ledger.read(names.manifest(number), Manifest)
            assert manifest is not None
            plan = self._ledger.read(names.plan(number), Plan)
            seen = number == before.current.round and before.current.plan is not None
            if plan is not None and not seen:
                self._listener(self._planned(plan))
            self._tell_updates(manifest, delivered(before) if seen else {})
            evaluation = self._ledger.read(names.evaluation(number, manifest.k or 0), Evaluation)
            seconds = self._clock() - self._since
            self._keep(number, seconds)
            self._listener(Recorded(manifest, evaluation, seconds, explained(self._spec, manifest.gate)))
            self._since = self._clock()

    def _planned(self, plan: Plan) -> Planned:
        return Planned(plan, self._spec.trained({one.participant: one.samples for one in plan.members}))

    def _tell_updates(self, manifest: Manifest, known: Mapping[str, Closed]) -> None:
        if manifest.k is None or (close := self._ledger.read(names.close(manifest.round, manifest.k), Close)) is None:
            return
        for closed in close.updates:
            update = self._ledger.read(names.update(manifest.round, closed.participant, closed.attempt), Update)
            if closed.participant not in known and update is not None:
                self._listener(Delivered(update))

    def pass_on(self, event: PoolEvent) -> None:
        if isinstance(event, Ended):
            self._tasks.append(
                {
                    "who": event.key.who,
                    "kind": event.key.kind,
                    "round": event.key.round,
                    "attempt": event.key.attempt,
                    "worker": event.worker,
                    "seconds": event.wall,
                    "endedAt": time.time(),
                    "starting": event.starting,
                    "phases": dict(event.seconds),
                    "state": event.execution.state,
                    "reason": event.execution.reason,
                }
            )
        self._listener(event)

    def _keep(self, round: int, seconds: float) -> None:
        tasks = [task for task in self._tasks if task["round"] == round]
        self._tasks = [task for task in self._tasks if task["round"] > round]
        content = {"wallSeconds": seconds, "tasks": tasks}
        self._ledger.put_telemetry(names.runner_file(round), json.dumps(content).encode())
