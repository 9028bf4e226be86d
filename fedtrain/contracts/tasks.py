"""The trainer's contract: one task is one JSON file.

`Task` is what the coordinator orders. `Binding` is what the participant (or the hub, for its own tasks) adds: where the
data is here, and how to access it. The trainer gets both as an `Assignment`.
"""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block
from fedtrain.api.data import Data
from fedtrain.api.evaluation import Metric
from fedtrain.api.model import Model
from fedtrain.api.privacy import Delta, Multiplier
from fedtrain.api.training import Training
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.places import Places
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.record_fields import Counted, DatasetName, Digest


class Initialise(Block):
    """Write round 0's adapter from the seed (or `model.adapter.initialFrom`) and its `Initial` record."""

    type: Literal["Initialise"] = "Initialise"
    seed: int


class Inspect(Block):
    """Count and fingerprint the data; write the `Preflight` record."""

    type: Literal["Inspect"] = "Inspect"


class UpdateClipping(Block):
    """Clip the update to the L2 norm `bound`, over all tensors, before it is sent. `reports_within`: the record says
    whether clipping left the update unchanged (`Update.within_bound`)."""

    bound: float
    reports_within: bool = False


class NoiseShare(Block):
    """Add a share of the round's noise to the clipped update. `multiplier`: noise multiplier of the sum of updates;
    `updates`: number of updates, at least, that a round has. `indicator_noise`: standard deviation of the noise on the
    number of unclipped updates; None with a fixed clipping norm. `testing_seed`: the noise is not secret."""

    multiplier: float
    updates: int
    indicator_noise: float | None = None
    testing_seed: int | None = None


class MixedSlice(Block):
    """`samples` from `start` of the stream of one data set, which has `population` training rows."""

    name: DatasetName
    population: int
    start: int
    samples: int


class Train(Block):
    """Train on `samples` from `start` of the participant's stream, send the update and its record. `datasets`: with
    `data.datasets`, the slices of the data sets' streams, which together are these samples. `train_only_b`:
    LoRA's A stays as it is and is not sent. `proximal_mu`: FedProx's mu. `example_noise`: DP-SGD, with noise from
    `testing_seed` if there is one; the record has no losses then. `states_norm`: the record states the update's L2 norm
    (`Update.norm`), to which the hub clips it."""

    type: Literal["Train"] = "Train"
    adapter: Digest
    config: Digest
    fingerprint: Digest
    population: int
    start: int
    samples: int
    distinct: int
    datasets: tuple[MixedSlice, ...] | None = None
    seed: int
    progress_start: float
    progress_end: float
    train_only_b: bool = False
    proximal_mu: float | None = None
    metrics: tuple[Metric, ...] = ()
    clipping: UpdateClipping | None = None
    noise: NoiseShare | None = None
    example_noise: ExampleNoise | None = None
    testing_seed: int | None = None
    states_norm: bool | None = None
    plan: Digest | None = None
    """Digest of the round's plan. The name of the update's file begins with it; see `names.update_file`."""


class Measure(Block):
    """Measure an adapter on the validation split; write the `Measurement` record."""

    type: Literal["Measure"] = "Measure"
    adapter: Digest
    config: Digest
    fingerprint: Digest
    metrics: tuple[Metric, ...]


class Evaluate(Block):
    """Measure an adapter on the hub's data (the binding says where it is); write the `Evaluation` record. `samples`:
    number of prompts to generate an answer for."""

    type: Literal["Evaluate"] = "Evaluate"
    k: int
    adapter: Digest
    config: Digest
    metrics: tuple[Metric, ...]
    samples: int | None = None


Work = Annotated[Initialise | Inspect | Train | Measure | Evaluate, Field(discriminator="type")]


class PastReleases(Block):
    """Number of noisy releases with one noise multiplier."""

    multiplier: Multiplier
    count: Counted


class PrivacyPromise(Block):
    """What the hub promises about the adapters that the update of a round goes into: it is hidden by noise with
    `multiplier`, relative to what one `unit` can change. `released`: noisy releases of this run before the round.
    `delta`: of the run's budget."""

    unit: Annotated[str, Field(max_length=40)]
    multiplier: Multiplier
    delta: Delta
    released: Annotated[tuple[PastReleases, ...], Field(max_length=100)] = ()


class Task(Block):
    """A work order. `participant` is None for the hub's own (Initialise, Evaluate). `seed` of the data's split is
    `training.seed`, with the participant's name."""

    contract_version: int = CONTRACT_VERSION
    required_features: tuple[str, ...] = ()
    namespace: str
    name: str
    run_id: str
    round: int
    attempt: int
    participant: str | None = None
    min_participants: int | None = None
    """Minimum number of updates that the hub aggregates in a round. A participant's policy may require more."""
    privacy: PrivacyPromise | None = None
    """Promise for a task that trains; None without `spec.privacy`. A participant's policy may require one."""
    base_fingerprint: BaseFingerprint | None = None
    """Fingerprint of the base model in round 0, for a task that loads it; the trainer refuses another one."""
    model: Model
    data: Data
    training: Training
    work: Work


class Binding(Block):
    """What the executing side adds: access to the ledger and to the buckets of base model and data, the locations of
    the data, of the base model (`model.base` if unset) and of the initial adapter, and the GPU memory limit (bytes).
    `data_uris`: of the data sets, in the order of the task's `data`; empty for tasks that read no rows.
    `noise_key`: file with the participant's secret key, from which its shares of noise are drawn.
    `fingerprint_key`: file with the participant's secret for the fingerprint of its rows."""

    data_uris: tuple[str, ...] = ()
    base_path: str | None = None
    initial_path: str | None = None
    gpu_memory: int | None = None
    noise_key: str | None = None
    fingerprint_key: str | None = None
    places: Places


class Assignment(Block):
    task: Task
    binding: Binding


def needs_noise_key(task: Task) -> bool:
    """Whether the task draws a share of noise from the participant's secret key."""
    return isinstance(task.work, Train) and task.work.noise is not None and task.work.noise.testing_seed is None
