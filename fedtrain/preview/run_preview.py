"""What `fedtrain plan` shows of a run: the samples of each participant in each round, sizes and notes."""

from fedtrain.api.base import Block
from fedtrain.preview.sizes import Sizes


class Part(Block):
    """One participant in a round. `samples`: size of its slice. `trained`: number of samples that its `steps` process,
    including repeats. `first_pass` and `last_pass`: passes over its data that the slice spans, from 1; None if it sits
    out, with a `reason`. `weight`: its weight in the mean, None if it is known only during a run."""

    participant: str
    samples: int
    distinct: int
    first_pass: int | None
    last_pass: int | None
    steps: int
    trained: int
    weight: float | None
    reason: str | None


class RoundPreview(Block):
    round: int
    parts: tuple[Part, ...]


class DatasetPreview(Block):
    """A data set of a mix at a participant. `share`: of the samples, from 0 to 1. `samples`: sum over the run. Other
    fields as in `ParticipantPreview`."""

    name: str
    share: float
    data: str
    rows: int
    training: int
    validation: int
    samples: int
    uses_min: int
    uses_max: int


class ParticipantPreview(Block):
    """One participant over the run. `rows` = `training` + `validation`. `uses_min` and `uses_max`: number of
    slices that contain its least and most used training sample. `samples`, `trained`, `steps`: sums over the run.
    `datasets`: with `data.datasets`, its data sets."""

    participant: str
    data: str
    rows: int
    training: int
    validation: int
    samples: int
    trained: int
    steps: int
    uses_min: int
    uses_max: int
    datasets: tuple[DatasetPreview, ...] = ()


class Preview(Block):
    """`errors`: a run would fail. `notes`: it would run."""

    name: str
    strategy: str
    on_exhausted: str
    participants: tuple[ParticipantPreview, ...]
    rounds: tuple[RoundPreview, ...]
    sizes: Sizes | None
    """None if the base model is not on this machine."""
    facts: tuple[str, ...]
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...]
