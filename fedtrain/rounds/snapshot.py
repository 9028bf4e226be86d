"""What a decision is made from: the ledger's facts, and what the executor report.

A snapshot is read, never changed. The ledger's facts outrank the executor' reports wherever they disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import (
    Aggregate,
    Close,
    End,
    Evaluation,
    Failure,
    Grant,
    Initial,
    Manifest,
    Measurement,
    Plan,
    Preflight,
    Run,
    Update,
)

Kind = Literal["Inspect", "Initialise", "Train", "Aggregate", "Evaluate", "Measure"]


@dataclass(frozen=True, order=True)
class TaskKey:
    """One execution of work. `who` is a participant, or one of the hub's own jobs (`_initialise`, `_aggregate-1`,
    `_evaluate-1`). The key names the task everywhere: ledger, workers, API objects."""

    round: int
    kind: Kind
    who: str
    attempt: int


@dataclass(frozen=True)
class Execution:
    """A task's state, as the executor reports it. `ended_at` is on the coordinator's clock. `reason`: why it failed, or
    why it does not run yet."""

    state: Literal["Running", "Done", "Failed"]
    ended_at: float = 0.0
    retryable: bool = True
    reason: str = ""


@dataclass(frozen=True)
class RoundRecords:
    """What the ledger holds of one round. `faults`: attempts whose record is there but whose file is missing or has
    another size, with the reason."""

    round: int
    plan: Plan | None = None
    grants: tuple[Grant, ...] = ()
    updates: Mapping[tuple[str, int], Update] = field(default_factory=dict[tuple[str, int], Update])
    faults: Mapping[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    closes: tuple[Close, ...] = ()
    aggregates: Mapping[int, Aggregate] = field(default_factory=dict[int, Aggregate])
    evaluations: Mapping[int, Evaluation] = field(default_factory=dict[int, Evaluation])


@dataclass(frozen=True)
class LedgerFacts:
    """Everything durable that a decision may depend on. `current` is the round after the newest manifest's;
    `last_plan` the newest plan of the rounds before it. While a round has its plan, what only planning or the end needs
    is left out: `initial`, `last_plan`, `measurements`, `end`."""

    run: Run
    preflights: Mapping[str, Preflight] = field(default_factory=dict[str, Preflight])
    initial: Initial | None = None
    manifest: Manifest | None = None
    last_plan: Plan | None = None
    current: RoundRecords = field(default_factory=lambda: RoundRecords(0))
    measurements: Mapping[str, Measurement] = field(default_factory=dict[str, Measurement])
    failures: tuple[Failure, ...] = ()
    end: End | None = None

    @property
    def round(self) -> int:
        """The round that is being worked on."""
        return self.current.round


@dataclass(frozen=True)
class Snapshot:
    """`elapsed`: seconds, of the current round, in which work could go on (suspended, stopped and store-outage time
    left out). `acknowledged`: how many of the run's failures the user has asked to go on from."""

    spec: FederatedTrainingSpec
    ledger: LedgerFacts
    executions: Mapping[TaskKey, Execution]
    elapsed: float
    acknowledged: int = 0
    suspended: bool = False

    @property
    def epoch(self) -> int:
        """Counts the run's failures, plus one: retries and the deadline start anew in each."""
        return len(self.ledger.failures) + 1
