"""The objects of the ledger, one frozen model each.

Every one is written once, first writer wins, as canonical JSON (`fedtrain.ledger`), and carries the run's id. Nothing
here depends on the wall clock, a host or a path: seconds, hosts and bytes on the wire are telemetry and live outside
of the chain, so that the same run twice writes the same digests.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from fedtrain.api.base import Block

CONTRACT_VERSION = 1

Digest = Annotated[str, Field(pattern=r"^blake3:[0-9a-f]{64}$")]
Metrics = Mapping[str, float]


class Record(Block):
    """What all objects of a run share."""

    run_id: str


class Run(Record):
    """`run.json`: the claim of a name. `spec` is what was said, as plain JSON, without values that are defaults."""

    contract_version: int = CONTRACT_VERSION
    namespace: str
    name: str
    spec: Mapping[str, Any]


class Preflight(Record):
    """What a participant's data is: training samples (validation split held out), and a fingerprint of all rows.
    `gpu_memory`: free bytes of one GPU, from the policy or the device; None on CPU."""

    participant: str
    samples: int
    validation_samples: int
    fingerprint: Digest
    gpu_memory: int | None = None


class ModelFacts(Block):
    """Sizes of the base model and the adapter, for the memory model."""

    base_parameters: int
    adapter_parameters: int
    hidden_size: int
    layers: int
    vocabulary: int


class Initial(Record):
    """`rounds/0000/initial.json`: round 0's adapter, and what it is an adapter of. `config` is the digest of
    PEFT's `adapter_config.json`, which stays the same over the run."""

    adapter: Digest
    config: Digest
    facts: ModelFacts


class PlanMember(Block):
    """One participant's part in a round: `samples` from position `start` of its stream of samples (passes over
    seeded permutations, one after another), `distinct` of them different."""

    participant: str
    start: int
    samples: int
    distinct: int
    seed: int


class Absent(Block):
    """A participant that is not in a plan or a close, and why."""

    participant: str
    reason: str


class Plan(Record):
    """Who takes part in a round and on what. `preflights`: what it was computed from, so that the chain holds that too
    and the round needs no other look at it. `progress_*`: the part of the learning-rate schedule that this round
    covers, 0 to 1 over the run."""

    round: int
    previous: Digest
    members: tuple[PlanMember, ...]
    absent: tuple[Absent, ...] = ()
    preflights: tuple[Preflight, ...] = ()
    progress_start: float
    progress_end: float
    positions: Mapping[str, int] = {}
    """Where every participant's stream of samples stands after this round, those that sit out included."""


class Grant(Record):
    """`attempts/<who>-<attempt>.json`: that an attempt above 1 may start, and why the one before ended. `epoch`
    counts the run's failures so far, plus one: only grants of this epoch with cause Failed use up retries."""

    round: int
    who: str
    attempt: int
    epoch: int
    cause: Literal["Failed", "Resumed"]
    reason: str


class Update(Record):
    """`record.json` beside an update file: what a participant sends back. `received` are the metrics of the global
    adapter that it got, on its validation split; `validation_loss` is of the adapter that it sends."""

    round: int
    participant: str
    attempt: int
    file: str
    digest: Digest
    size: int
    samples: int
    distinct: int
    steps: int
    tokens: int
    train_loss: float
    validation_loss: float | None = None
    received: Metrics = {}


class Closed(Block):
    """An update that a close lists: the digests of its file and of its record."""

    participant: str
    attempt: int
    digest: Digest
    record: Digest


class Quarantined(Block):
    participant: str
    attempt: int
    reason: str


class Close(Record):
    """`close-<k>.json`: the updates that a round aggregates, in plan order. The aggregator writes k+1, a subset,
    when bytes fail its checks."""

    round: int
    k: int
    epoch: int
    updates: tuple[Closed, ...]
    absent: tuple[Absent, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


class Weight(Block):
    """One update's share of the mean (all sum to 1), and its L2 norm over all tensors."""

    participant: str
    weight: float
    norm: float


class Aggregate(Record):
    """`aggregate-<k>.json`: the next global adapter and server state. `update_norm`: L2 of the weighted mean."""

    round: int
    k: int
    adapter: Digest
    state: Digest | None = None
    weights: tuple[Weight, ...]
    update_norm: float


class Evaluation(Record):
    """`evaluation-<k>.json`: the hub's metrics of an adapter."""

    round: int
    k: int
    adapter: Digest
    samples: int
    metrics: Metrics


class Manifest(Record):
    """`manifest.json`: before it the round did not happen, after it it can't be undone. `round` counts rounds,
    `step` those that were committed. `k` names the close and aggregate that count; None when nothing was aggregated.
    Round 0's is the initial adapter."""

    round: int
    outcome: Literal["Initial", "Committed", "Skipped"]
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
    previous: Digest
    """Digest of the manifest before; of `run.json` for round 0."""


class Failure(Record):
    """`failures/<number>.json`: the run stopped here; applied again, it goes on in the next epoch."""

    number: int
    round: int
    reason: str
    message: str


class Measurement(Record):
    """`rounds/<last>/measurements/<participant>.json`: the final adapter on a participant's validation split."""

    round: int
    participant: str
    adapter: Digest
    metrics: Metrics


class End(Record):
    """`end.json`: the run is over; applied again, nothing happens."""

    outcome: Literal["Succeeded"]
    round: int
    adapter: Digest
    manifest: Digest
