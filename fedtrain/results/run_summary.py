"""The summary of a run: input of `fedtrain status`, the model card and the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import MADE_ADAPTER, Absent, ModelFacts
from fedtrain.results.run_phase import RunPhase
from fedtrain.rounds.decision import FINISHED
from fedtrain.rounds.spent_epsilon import PrivacyLoss

RoundOutcome = Literal["Initial", "Committed", "Skipped", "RolledBack", "Open"]
State = Literal["Training", "Updated", "Aggregated", "RolledBack", "Quarantined", "Absent"]
ARRIVED: tuple[State, ...] = ("Updated", "Aggregated", "RolledBack")
"""States of a participant whose update has arrived and was not quarantined."""


@dataclass(frozen=True)
class Execution:
    """Telemetry of a trainer: seconds by phase, answer tokens per second, peak memory in bytes, host, exit code, the
    reason for an exit code other than 0, the training loss of each step, and when it ended, in seconds since 1970 on
    the trainer's clock."""

    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    answer_tokens_per_second: float | None = None
    peak_memory: int | None = None
    peak_gpu_memory: int | None = None
    host: str | None = None
    code: int | None = None
    reason: str = ""
    curve: tuple[float, ...] = ()
    ended_at: float | None = None


@dataclass(frozen=True)
class TaskTime:
    """Telemetry of the runner about one task. `phases`: seconds by phase, measured by the trainer; `worker`: its
    number, below 0 for the aggregator's process; `starting`: seconds that the worker took to start, if this was its
    first task; `ended_at`: seconds since 1970."""

    who: str
    kind: str
    attempt: int
    worker: int
    seconds: float
    phases: Mapping[str, float] = field(default_factory=dict[str, float])
    state: str = "Done"
    reason: str = ""
    starting: float = 0.0
    ended_at: float | None = None


@dataclass(frozen=True)
class ParticipantRound:
    """One participant in one round. `attempts`: number of attempts started or granted; `attempt`: the one whose update
    is used. `samples`: size of its slice; `trained`: samples that its steps process, with repeats; None if it is absent
    without an update. `received`: metrics of the round's initial adapter, on the participant's validation split."""

    participant: str
    state: State
    reason: str = ""
    attempt: int = 1
    attempts: int = 1
    retried: tuple[str, ...] = ()
    samples: int = 0
    distinct: int = 0
    trained: int | None = None
    steps: int | None = None
    tokens: int | None = None
    train_loss: float | None = None
    validation_loss: float | None = None
    received: Mapping[str, float] = field(default_factory=dict[str, float])
    weight: float | None = None
    norm: float | None = None
    bytes: int | None = None
    execution: Execution | None = None


@dataclass(frozen=True)
class RoundSummary:
    """One round. `metrics`: the hub's metrics of the adapter after the round; `measured`: metrics of the same adapter
    by participant, on its validation split. `epsilon`: privacy loss of the run up to this round, see
    `RunSummary.privacy`. `signal_to_noise`: largest possible norm of the private mean over the expected norm of the
    noise on it. `generated`: blob of the answers that the adapter generated. `wall_seconds` and `tasks` are
    telemetry."""

    number: int
    outcome: RoundOutcome
    step: int
    reason: str = ""
    """Why the round was rolled back; empty otherwise. A round that was has no metrics: its adapter is the previous."""
    rejected: Mapping[str, float] = field(default_factory=dict[str, float])
    """The hub's metrics of the adapter that was rejected, if the round was rolled back."""
    adapter: Digest | None = None
    participants: tuple[ParticipantRound, ...] = ()
    absent: tuple[Absent, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    samples: int | None = None
    rows: Digest | None = None
    """Digest of the hub's held-out rows, if it was recorded."""
    labels: AnswerLabels | None = None
    """What the hub's metric Choices compares."""
    generated: Digest | None = None
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    update_norm: float | None = None
    epsilon: float | None = None
    clipping_norm: float | None = None
    signal_to_noise: float | None = None
    manifest: Digest | None = None
    wall_seconds: float | None = None
    tasks: tuple[TaskTime, ...] = ()

    @property
    def made_adapter(self) -> bool:
        """Whether the round made the adapter that it ended with."""
        return self.outcome in MADE_ADAPTER

    @property
    def updates(self) -> tuple[ParticipantRound, ...]:
        """The participants whose update has arrived and was not quarantined."""
        return tuple(one for one in self.participants if one.state in ARRIVED)

    @property
    def train_loss(self) -> float | None:
        """Mean training loss of the updates. A quarantined update may have any."""
        losses = [one.train_loss for one in self.updates if one.train_loss is not None]
        return sum(losses) / len(losses) if losses else None


@dataclass(frozen=True)
class DatasetSummary:
    """A data set of a mix at a participant. `share`: of the samples, from 0 to 1. `samples`, `validation_samples`:
    number of rows. `used`: samples of all slices so far."""

    name: str
    share: float
    samples: int
    validation_samples: int
    used: int


@dataclass(frozen=True)
class DataSummary:
    """Number of training and validation rows of a participant. `datasets`: with `data.datasets`, its data sets."""

    participant: str
    samples: int
    validation_samples: int
    fingerprint: Digest
    datasets: tuple[DatasetSummary, ...] = ()


@dataclass(frozen=True)
class FailureSummary:
    number: int
    round: int
    reason: str
    message: str


@dataclass(frozen=True)
class RunSummary:
    """A run, from its ledger. `rounds` starts with round 0, the initial adapter, and ends with the open round, if any.
    `adapter`, `config`: digests in the newest manifest. `adapter_bytes`: size of the adapter's file."""

    namespace: str
    name: str
    url: str
    run_id: str
    phase: RunPhase
    message: str
    rounds_done: int
    rounds_of: int
    spec: FederatedTrainingSpec
    data: tuple[DataSummary, ...]
    rounds: tuple[RoundSummary, ...]
    failures: tuple[FailureSummary, ...] = ()
    facts: ModelFacts | None = None
    template_date: str | None = None
    """The date that the base model's chat template writes as the current one; None if it writes no date."""
    base_fingerprint: BaseFingerprint | None = None
    """Fingerprint of a base model in a folder or a bucket; None if round 0 recorded none."""
    adapter: Digest | None = None
    config: Digest | None = None
    adapter_bytes: int | None = None
    privacy: PrivacyLoss | None = None
    """Privacy loss so far, draws of the open round included; None without `spec.privacy`."""
    head: Digest | None = None
    """Digest of the newest manifest: it covers the whole history."""
    damage: str = ""
    """Which records are missing or changed; empty if none is."""

    @property
    def end_message(self) -> str:
        """Why the run ended before its last round, and which participants its last round is without; empty for a run
        of all rounds and participants, and for one that has not ended."""
        return self.message if self.phase in FINISHED else ""

    @property
    def early_end(self) -> str:
        """Why the run ended before its last round; empty if it did not."""
        return self.end_message if self.rounds_done < self.rounds_of else ""

    @property
    def recorded(self) -> tuple[RoundSummary, ...]:
        """The rounds that have a manifest."""
        return tuple(round for round in self.rounds if round.outcome != "Open")

    @property
    def wall_seconds(self) -> float | None:
        """Wall time of all rounds for which it is known; None if it is known for none."""
        walls = [round.wall_seconds for round in self.rounds if round.wall_seconds is not None]
        return sum(walls) if walls else None

    def made_adapter_of(self, number: int) -> RoundSummary:
        """Return the round that made the adapter after round `number`: this one, or an earlier one if this one was
        skipped or rolled back. Raises KeyError."""
        while not (round := self.round(number)).made_adapter:
            number -= 1
        return round

    def kept_adapter_of(self, made: RoundSummary) -> tuple[RoundSummary, ...]:
        """Return the rounds after `made` that ended with its adapter."""
        later = self.recorded[made.number + 1 :]
        return tuple(takewhile(lambda round: not round.made_adapter, later))

    def round(self, number: int) -> RoundSummary:
        """Raises KeyError."""
        for round in self.rounds:
            if round.number == number:
                return round
        raise KeyError(number)
