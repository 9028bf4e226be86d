"""What a decision says: the phase, and what to do next. Frozen; applying one twice is the same as once."""

from dataclasses import dataclass
from typing import Literal

from fedtrain.contracts.record import Record
from fedtrain.contracts.tasks import Task
from fedtrain.rounds.snapshot import TaskKey

Phase = Literal[
    "Preflight",
    "Initialising",
    "Planning",
    "Training",
    "Closing",
    "Aggregating",
    "Evaluating",
    "Measuring",
    "Recording",
    "Succeeded",
    "Halted",
    "Failed",
    "Suspended",
]
FINISHED: frozenset[Phase] = frozenset({"Succeeded", "Halted"})
"""Phases of a run that has its end."""
TERMINAL: frozenset[Phase] = frozenset({*FINISHED, "Failed"})
STOPPED: frozenset[Phase] = frozenset({*TERMINAL, "Suspended"})
"""Phases in which no task runs."""


@dataclass(frozen=True)
class Claim:
    """Write a record under a name of the ledger, first writer wins."""

    name: str
    record: Record


@dataclass(frozen=True)
class AggregateOrder:
    """Aggregate what `close-<k>` of the round lists."""

    round: int
    k: int


@dataclass(frozen=True)
class Start:
    """Start a task. A task that runs already keeps running."""

    key: TaskKey
    order: Task | AggregateOrder


@dataclass(frozen=True)
class Cancel:
    """Stop a task; what it holds is released. Uses up no retry."""

    key: TaskKey


Action = Claim | Start | Cancel


@dataclass(frozen=True)
class Decision:
    """`keep`: running tasks that are still wanted; all others are cancelled. `wake_after`: seconds until time alone
    may change the decision; None when only an event can. `reason`: of a failure that is recorded."""

    phase: Phase
    message: str = ""
    round: int = 0
    actions: tuple[Action, ...] = ()
    keep: frozenset[TaskKey] = frozenset()
    wake_after: float | None = None
    reason: str | None = None
