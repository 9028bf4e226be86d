"""`spec.partitioning`: how many samples a participant trains on in a round."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, PositiveFloat, Quantity, Union

Strategy = Literal["All", "FixedSize", "Percentage", "MaxDataVolume", "DataVolumeAndGPUMemory"]


class FixedSize(Block):
    """The same number for everyone."""

    samples: Count
    """Rows a round."""


class Percentage(Block):
    """A share of each participant's rows."""

    percent: Annotated[PositiveFloat, Field(le=100)]
    """Of its rows, a round; at least one row."""


class DataVolumeAndGPUMemory(Block):
    """By each participant's rows and its GPU memory. Memory is the least that the policy, `compute` and the device
    say; a participant whose memory nobody knows, and which has no `microBatchSize`, sits out and the plan says why."""

    gpu_memory: Quantity | None = None
    """Stands for participants whose policy, `compute` and device say nothing."""
    batches_per_gpu: PositiveFloat | None = None
    """Full micro-batches that each GPU works through in a round; the median of what would use up each participant's
    data by the last round, if left out."""


class Partitioning(Block):
    """How many rows each participant trains on in a round."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(
            discriminator="strategy",
            required={"FixedSize": "fixedSize", "Percentage": "percentage"},
            optional={"DataVolumeAndGPUMemory": "dataVolumeAndGPUMemory"},
        ),
    )

    strategy: Strategy = "All"
    """`All` its rows; `FixedSize` or `Percentage`; `MaxDataVolume`: for everyone, what brings the largest through its
    rows in all rounds; `DataVolumeAndGPUMemory`."""
    fixed_size: FixedSize | None = None
    """Only with strategy FixedSize."""
    percentage: Percentage | None = None
    """Only with strategy Percentage."""
    data_volume_and_gpu_memory: Annotated[DataVolumeAndGPUMemory | None, Field(alias="dataVolumeAndGPUMemory")] = None
    """Only with strategy DataVolumeAndGPUMemory."""
    on_exhausted: Literal["Wrap", "Clip", "Idle"] = "Wrap"
    """When a participant's pass over its rows ends. `Wrap`: the window runs on into a new pass, in a new order.
    `Clip`: its last window is what is left of the one pass, then it is done for the run. `Idle`: it trains on no
    window that what is left can't fill, and is then done. Under `All` every round is a pass of its own."""
