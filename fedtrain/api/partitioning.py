"""`spec.partitioning`: how many samples a participant trains on in a round."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, PositiveFloat, Quantity

Strategy = Literal["All", "FixedSize", "Percentage", "MaxDataVolume", "DataVolumeAndGPUMemory"]


class FixedSize(Block):
    samples: Count


class Percentage(Block):
    percent: Annotated[PositiveFloat, Field(le=100)]


class DataVolumeAndGPUMemory(Block):
    """`gpu_memory` stands for participants whose policy and device say nothing; `batches_per_gpu` is lambda, the
    number of full micro-batches each GPU works through in a round (the median of what would use up each
    participant's data by the last round, if unset)."""

    gpu_memory: Quantity | None = None
    batches_per_gpu: PositiveFloat | None = None


class Partitioning(Block):
    """How many samples each participant trains on in a round; the strategies are in `fedtrain/partitioning`.

    `on_exhausted`: what a participant does when its pass over the data ends. `Wrap`: the window runs on into a new
    pass, in a new order. `Clip`: its last window is what is left of the one pass, then it is done for the run.
    `Idle`: it trains on no window that what is left can't fill, and is then done for the run. With `strategy: All`
    every round is a whole pass of its own, so nothing is ever exhausted."""

    strategy: Strategy = "All"
    fixed_size: FixedSize | None = None
    percentage: Percentage | None = None
    data_volume_and_gpu_memory: Annotated[DataVolumeAndGPUMemory | None, Field(alias="dataVolumeAndGPUMemory")] = None
    on_exhausted: Literal["Wrap", "Clip", "Idle"] = "Wrap"
