"""The records that participants write.

Nothing in these is trusted: sizes, counts and lengths are bounded when they are read, and a record that breaks a bound
is a fault of its participant alone.
"""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from fedtrain.api.base import Block
from fedtrain.api.data import MAX_DATASETS
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import (
    Counted,
    DatasetName,
    Digest,
    Finite,
    Metrics,
    Norm,
    Samples,
    UpdateFile,
)


class ParticipantRecord(Record):
    """A record that a participant writes."""

    max_bytes: ClassVar[int] = 64 * 1024


class DatasetCount(Block):
    """Size of one data set of a mix at a participant, as in `Preflight`."""

    name: DatasetName
    samples: Samples
    validation_samples: Samples


class Preflight(ParticipantRecord):
    """Size of a participant's data: training samples (without the validation split), and a fingerprint of all rows.
    `gpu_memory`: free bytes of one GPU, from the policy or the device; None on CPU. `datasets`: with
    `data.datasets`, the parts of `samples` and `validation_samples`, in the order of the spec."""

    participant: str
    samples: Samples
    validation_samples: Samples
    fingerprint: Digest
    gpu_memory: Counted | None = None
    datasets: Annotated[tuple[DatasetCount, ...], Field(max_length=MAX_DATASETS)] | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "Preflight":
        """Raises ValueError if the data sets of a mix do not add up to the totals."""
        parts = self.datasets
        if parts is not None and (self.samples, self.validation_samples) != (
            sum(part.samples for part in parts),
            sum(part.validation_samples for part in parts),
        ):
            raise ValueError("the samples of the data sets do not add up to those of the participant")
        return self


class Update(ParticipantRecord):
    """`record.json` beside an update file. `received`: metrics of the global adapter that the participant received, on
    its validation split; `validation_loss`: loss of the adapter that it sends. `samples` and `distinct` repeat the
    plan's. `within_bound`: with adaptive clipping by the participant, 1 if clipping left the update unchanged, else 0;
    plus the participant's share of noise where it adds one. `norm`: where the hub clips, the `stated_norm` of the
    update (`fedtrain.privacy.clipping`); None where the task does not ask for it. With `privacy.unit: Example`, nothing
    that depends on rows without noise is in it: no losses and no count of tokens."""

    round: int
    participant: str
    attempt: int
    file: UpdateFile
    digest: Digest
    size: Counted
    samples: Samples
    distinct: Samples
    steps: Counted
    tokens: Counted | None = None
    train_loss: Finite | None = None
    validation_loss: Finite | None = None
    received: Metrics = {}
    within_bound: Finite | None = None
    norm: Norm | None = None


class Measurement(ParticipantRecord):
    """`rounds/<last>/measurements/<participant>.json`: metrics of the final adapter on a participant's validation
    split."""

    round: int
    participant: str
    adapter: Digest
    metrics: Metrics
