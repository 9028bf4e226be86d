"""The records that the coordinator and the hub's Jobs write into the ledger, one frozen model each."""

from collections.abc import Mapping
from typing import Any, Literal

from fedtrain.api.base import Block
from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.early_stopping_state import EarlyStoppingState
from fedtrain.contracts.gate_state import GateState
from fedtrain.contracts.privacy_blocks import ExampleNoise, NoisyMean, PrivacyState, RoundPrivacy
from fedtrain.contracts.record import CONTRACT_VERSION, Record
from fedtrain.contracts.record_fields import Counted, DatasetName, Digest, Finite, Metrics, Samples
from fedtrain.contracts.untrusted_records import Preflight


class Run(Record):
    """`run.json`: the claim of a name. `spec` is the user's spec as plain JSON, without values that are defaults."""

    contract_version: int = CONTRACT_VERSION
    namespace: str
    name: str
    spec: Mapping[str, Any]


class ModelFacts(Block):
    """Sizes of the base model and the adapter, for the memory model."""

    base_parameters: int
    adapter_parameters: int
    hidden_size: int
    layers: int
    vocabulary: int


class Initial(Record):
    """`rounds/0000/initial.json`: the initial adapter, and sizes of its base model. `config` is the digest of PEFT's
    `adapter_config.json`, which stays the same over the run. `template_date`: the date, as in 2026-01-31, that the base
    model's chat template writes as the current one in all rounds; None if it writes no date. `base_fingerprint`: of the
    base model's files; None for a model id on Hugging Face, which its revision pins."""

    adapter: Digest
    config: Digest
    facts: ModelFacts
    template_date: str | None = None
    base_fingerprint: BaseFingerprint | None = None


class DatasetSlice(Block):
    """`samples` from position `start` of the stream of one data set of a mix."""

    name: DatasetName
    start: Counted
    samples: Counted


class PlanMember(Block):
    """One participant's part in a round: `samples` from position `start` of its stream of samples (passes over
    seeded permutations, one after another), `distinct` of them different. With `example_noise`, the rows of each step
    are drawn at random from these samples, which are all of its training rows. `datasets`: with `data.datasets`, the
    slices of the data sets, which together are these samples."""

    participant: str
    start: Counted
    samples: Counted
    distinct: Samples
    seed: Counted
    example_noise: ExampleNoise | None = None
    datasets: tuple[DatasetSlice, ...] | None = None


AbsenceCode = Literal["Silent", "TasksRefused", "NotAllowed", "BudgetExhausted"]
"""Silent: its heartbeats are missing. TasksRefused: its namespace takes no tasks. NotAllowed: it was revoked, or the
run may not use it for another reason. BudgetExhausted: no privacy budget is left for it."""


class Absent(Block):
    """A participant that is not in a plan or a close, and why. `code`: the reason if it lasts beyond the round; older
    records have none."""

    participant: str
    reason: str
    code: AbsenceCode | None = None


class Plan(Record):
    """Participants of a round and their samples. `preflights`: the records that the plan was computed from, so that the
    chain covers them. `progress_*`: the part of the learning-rate schedule that this round covers, 0 to 1 over the
    run."""

    round: int
    previous: Digest
    members: tuple[PlanMember, ...]
    absent: tuple[Absent, ...] = ()
    preflights: tuple[Preflight, ...] = ()
    progress_start: Finite
    progress_end: Finite
    positions: Mapping[str, Counted] = {}
    """Position in every participant's stream of samples after this round, absent participants included."""
    dataset_positions: Mapping[str, Mapping[str, Counted]] | None = None
    """With `data.datasets`: position in the stream of each data set, by participant and data set."""
    privacy: RoundPrivacy | None = None


class Grant(Record):
    """`attempts/<who>-<attempt>.json`: an attempt above 1 may start, and why the previous attempt ended. `epoch` counts
    the run's failures so far, plus one: only grants of this epoch with cause Failed use up retries. LedgerRefused: the
    ledger refused a read or a write of the previous attempt."""

    round: int
    who: str
    attempt: int
    epoch: int
    cause: Literal["Failed", "Resumed", "LedgerRefused"]
    reason: str


class Closed(Block):
    """An update that a close lists: the digests of its file and of its record."""

    participant: str
    attempt: int
    digest: Digest
    record: Digest


QUARANTINED = "quarantined: "
"""Begins the reason of a participant whose update was quarantined."""


class Quarantined(Block):
    participant: str
    attempt: int
    reason: str

    @property
    def absent(self) -> Absent:
        """The participant as one that is missing from the round."""
        return Absent(participant=self.participant, reason=f"{QUARANTINED}{self.reason}")


class Exclusion(Record):
    """`exclusions/<participant>.json`: a person decided that this round is redone without the participant."""

    round: int
    participant: str
    reason: str
    decided_by: str


class Close(Record):
    """`close-<k>.json`: the updates that a round aggregates, in plan order. The aggregator writes k+1, a subset,
    when bytes fail its checks; the coordinator does when a participant is excluded. `exclusions`: digests of the
    `Exclusion` records that this close follows, by participant; None if there are none."""

    round: int
    k: int
    epoch: int
    updates: tuple[Closed, ...]
    absent: tuple[Absent, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    exclusions: Mapping[str, Digest] | None = None


class Weight(Block):
    """One update's share of the mean, and its L2 norm over all tensors. All weights sum to 1, or to less under privacy,
    where a quarantined update counts as zeros. Under privacy the norm is not recorded: it would be a release without
    noise."""

    participant: str
    weight: Finite
    norm: Finite | None = None


class Aggregate(Record):
    """`aggregate-<k>.json`: the next global adapter and server state. `update_norm`: L2 of the weighted mean, with the
    noise under privacy."""

    round: int
    k: int
    adapter: Digest
    state: Digest | None = None
    weights: tuple[Weight, ...]
    update_norm: Finite
    privacy: NoisyMean | None = None


class Evaluation(Record):
    """`evaluation-<k>.json`: the hub's metrics of an adapter. `samples`: number of rows. `rows`: digest of the hub's
    rows, in any order; None in records of a version that did not write it. A participant's `Measurement` has none,
    because a digest confirms guessed rows. `generated`: digest of the answers that the adapter generated for prompts of
    the hub's data (`Generated`); None if there are none. `labels`: what the metric Choices compares; None without it,
    and if rows have choices of their own."""

    round: int
    k: int
    adapter: Digest
    samples: int
    rows: Digest | None = None
    metrics: Metrics
    generated: Digest | None = None
    labels: AnswerLabels | None = None


MADE_ADAPTER = ("Initial", "Committed")
"""Outcomes of rounds that made the adapter that they end with; others keep that of the previous round."""


class Manifest(Record):
    """`manifest.json`: the outcome of a round, which is final once this is written. `round` counts rounds,
    `step` those that were committed. A round that is `RolledBack` has an aggregate and an evaluation, but ends with the
    adapter and the state of the previous round. `k` names the close and aggregate that count; None when nothing was
    aggregated. Round 0's is the initial adapter."""

    round: int
    outcome: Literal["Initial", "Committed", "Skipped", "RolledBack"]
    k: int | None = None
    step: int
    adapter: Digest
    config: Digest
    state: Digest | None = None
    plan: Digest | None = None
    close: Digest | None = None
    aggregate: Digest | None = None
    evaluation: Digest | None = None
    absent: tuple[Absent, ...] = ()
    privacy: PrivacyState | None = None
    gate: GateState | None = None
    early_stopping: EarlyStoppingState | None = None
    previous: Digest
    """Digest of the previous round's manifest; of `run.json` for round 0."""

    @property
    def made_adapter(self) -> bool:
        """Whether the round made `adapter`."""
        return self.outcome in MADE_ADAPTER
