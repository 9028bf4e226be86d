"""The input of a decision: the ledger's facts, and the state of tasks as the executor reports it.

A snapshot is read, never changed. Where the two disagree, the ledger outranks the executor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.issued_updates import IssuedWork
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.records import Aggregate, Close, Evaluation, Exclusion, Grant, Initial, Manifest, Plan, Run
from fedtrain.contracts.run_end import End, Failure
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update

Kind = Literal["Inspect", "Initialise", "Train", "Aggregate", "Evaluate", "Measure"]


@dataclass(frozen=True, order=True)
class TaskKey:
    """One attempt at a piece of work. `who` is a participant or one of the hub's jobs (`_initialise`, `_aggregate-1`,
    `_evaluate-1`). The key identifies the task everywhere: ledger, workers, API objects."""

    round: int
    kind: Kind
    who: str
    attempt: int


@dataclass(frozen=True)
class Execution:
    """State of a task as the executor reports it. `ended_at` is on the coordinator's clock. `reason`: why the task
    failed, or why it is not running yet. `ledger_refused`: it failed because the ledger refused a read or a write."""

    state: Literal["Running", "Done", "Failed"]
    ended_at: float = 0.0
    retryable: bool = True
    reason: str = ""
    ledger_refused: bool = False


@dataclass(frozen=True)
class RoundRecords:
    """The ledger's records of one round. `faults`: attempts whose record is invalid, or whose file is missing or has
    another size, with the reason."""

    round: int
    plan: Plan | None = None
    grants: tuple[Grant, ...] = ()
    updates: Mapping[tuple[str, int], Update] = field(default_factory=dict[tuple[str, int], Update])
    faults: Mapping[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    closes: tuple[Close, ...] = ()
    aggregates: Mapping[int, Aggregate] = field(default_factory=dict[int, Aggregate])
    evaluations: Mapping[int, Evaluation] = field(default_factory=dict[int, Evaluation])
    spends: Mapping[int, Spend] = field(default_factory=dict[int, Spend])
    exclusions: Mapping[str, Exclusion] = field(default_factory=dict[str, Exclusion])
    """By participant."""

    @cached_property
    def issued(self) -> IssuedWork | None:
        """The training tasks of the round; None before it is planned."""
        return IssuedWork(self.plan, self.grants) if self.plan is not None else None


@dataclass(frozen=True)
class LedgerFacts:
    """Everything durable that a decision may depend on. `current` is the round after the newest manifest's;
    `last_plan` the newest plan of the rounds before it. While a round has its plan, the facts that only planning or the
    end needs are left out: `last_plan`, `measurements`, `end`.

    `preflight_faults`, `measurement_faults`: participants whose record is invalid, with the reason. `strays`: objects
    with a record's name that are not valid records, with the reason; they are ignored and keep their names."""

    run: Run
    preflights: Mapping[str, Preflight] = field(default_factory=dict[str, Preflight])
    preflight_faults: Mapping[str, str] = field(default_factory=dict[str, str])
    initial: Initial | None = None
    manifest: Manifest | None = None
    last_plan: Plan | None = None
    current: RoundRecords = field(default_factory=lambda: RoundRecords(0))
    measurements: Mapping[str, Measurement] = field(default_factory=dict[str, Measurement])
    measurement_faults: Mapping[str, str] = field(default_factory=dict[str, str])
    failures: tuple[Failure, ...] = ()
    end: End | None = None
    strays: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def round(self) -> int:
        """The current round."""
        return self.current.round

    @property
    def base_fingerprint(self) -> BaseFingerprint | None:
        """Fingerprint of the base model in round 0; None if none is recorded."""
        return self.initial.base_fingerprint if self.initial is not None else None


@dataclass(frozen=True)
class Snapshot:
    """`elapsed`: seconds of the current round in which work could proceed (suspended, stopped and store-outage time
    excluded). `acknowledged`: number of the run's failures from which the user has asked to resume. `silent`:
    participants whose heartbeats are missing, and since when by the hub's clock, as text. `refusing`: participants in
    whose namespace no task can be created until somebody changes it (it was deleted, for example), and the API server's
    words. `unlisted`: those of them whose tasks cannot be listed, so that one may run unseen. `unasked`: participants
    that cannot be given tasks, and why."""

    spec: FederatedTrainingSpec
    ledger: LedgerFacts
    executions: Mapping[TaskKey, Execution]
    elapsed: float
    acknowledged: int = 0
    suspended: bool = False
    silent: Mapping[str, str] = field(default_factory=dict[str, str])
    refusing: Mapping[str, str] = field(default_factory=dict[str, str])
    unlisted: frozenset[str] = frozenset()
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def epoch(self) -> int:
        """Number of the run's failures, plus one: retries and the deadline restart in each epoch."""
        return len(self.ledger.failures) + 1
