"""`spec.partitioning`: number of samples that each participant trains on in a round."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, PositiveFloat, Quantity, Union

Strategy = Literal["All", "FixedSize", "Percentage", "MaxDataVolume", "DataVolumeAndGPUMemory"]


class FixedSize(Block):
    """The same number of samples for all participants."""

    samples: Count
    """Number of samples per round."""


class Percentage(Block):
    """A percentage of each participant's samples."""

    percent: Annotated[PositiveFloat, Field(le=100)]
    """Percentage of the participant's samples per round, rounded down to at least one sample."""


class DataVolumeAndGPUMemory(Block):
    """In proportion to each participant's data and GPU memory. GPU memory is the minimum of the policy's limit,
    `compute.gpuMemory` and the free memory of the device. A participant with unknown GPU memory and no
    `microBatchSize` sits out; the plan records the reason."""

    gpu_memory: Quantity | None = None
    """Memory per GPU for participants whose GPU memory is otherwise unknown."""
    batches_per_gpu: PositiveFloat | None = None
    """Number of full micro-batches per GPU and round. Defaults to the median, over the participants, of the number that
    would use all of a participant's data by the last round."""


class Partitioning(Block):
    """Number of samples that each participant trains on in a round."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(
            discriminator="strategy",
            required={"FixedSize": "fixedSize", "Percentage": "percentage"},
            optional={"DataVolumeAndGPUMemory": "dataVolumeAndGPUMemory"},
        ),
    )

    strategy: Strategy = "All"
    """`All`: all samples in each round. `FixedSize`: a fixed number of samples. `Percentage`: a percentage of the
    participant's samples. `MaxDataVolume`: the same number for all participants, such that the largest one uses all of
    its data once over the run. `DataVolumeAndGPUMemory`: in proportion to data and GPU memory."""
    fixed_size: FixedSize | None = None
    """Parameters of FixedSize. Only with strategy FixedSize."""
    percentage: Percentage | None = None
    """Parameters of Percentage. Only with strategy Percentage."""
    data_volume_and_gpu_memory: Annotated[DataVolumeAndGPUMemory | None, Field(alias="dataVolumeAndGPUMemory")] = None
    """Parameters of DataVolumeAndGPUMemory. Only with strategy DataVolumeAndGPUMemory."""
    on_exhausted: Literal["Wrap", "Clip", "Idle"] = "Wrap"
    """Behavior when a participant reaches the end of its data. `Wrap`: the slice continues with a new pass, in a new
    order. `Clip`: the last slice contains the remaining samples; then the participant sits out. `Idle`: remaining
    samples that do not fill a slice are not used; the participant sits out. Must be `Wrap` with `All`, where every
    round is one full pass."""
