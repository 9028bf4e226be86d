"""Which running tasks to stop.

Not those that the decision keeps. Nor those whose record is in the ledger already: they end by themselves within
moments, and stopping one takes its warm worker with it. They have until the end of the next round.
"""

from fedtrain.rounds.decision import FINISHED, STOPPED, Cancel, Decision
from fedtrain.rounds.snapshot import Snapshot, TaskKey


def unwanted(snapshot: Snapshot, decision: Decision) -> tuple[Cancel, ...]:
    """Return the cancels, sorted by key. When the run has failed or is suspended, every task is cancelled."""
    running = sorted(key for key, execution in snapshot.executions.items() if execution.state == "Running")
    stopped = decision.phase in STOPPED and decision.phase not in FINISHED
    return tuple(Cancel(key) for key in running if stopped or not (key in decision.keep or _finishing(snapshot, key)))


def _finishing(snapshot: Snapshot, key: TaskKey) -> bool:
    ledger = snapshot.ledger
    current = ledger.current
    if key.round < ledger.round - 1:
        return False
    if key.kind == "Inspect":
        return key.who in ledger.preflights
    if key.round < ledger.round:
        return True  # its round is recorded: whatever had no record by then was stopped before
    match key.kind:
        case "Initialise":
            return ledger.initial is not None
        case "Train":
            return (key.who, key.attempt) in current.updates
        case "Aggregate":
            made = {f"_aggregate-{k}" for k in current.aggregates}
            return key.who in made | {f"_aggregate-{close.k - 1}" for close in current.closes}
        case "Evaluate":
            return key.who in {f"_evaluate-{k}" for k in current.evaluations}
        case "Measure":
            return key.who in ledger.measurements
