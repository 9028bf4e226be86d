"""Strategies of `spec.partitioning`: their parameters and their registration."""

from typing import Annotated

from pydantic import Field

from fedtrain.api.base import Block, Count, PositiveFloat, Quantity
from fedtrain.api.strategies import StrategySpec


class FixedSize(Block):
    """The same number of samples for all participants."""

    samples: Count
    """Number of samples per round."""


class Percentage(Block):
    """A percentage of each participant's samples."""

    percent: Annotated[PositiveFloat, Field(le=100)]
    """Percentage of the participant's samples per round, rounded down to at least one sample: 25 is a quarter, 0.25 a
    quarter of one percent."""


class DataVolumeAndGPUMemory(Block):
    """In proportion to each participant's data and GPU memory. GPU memory is the minimum of the policy's limit,
    `compute.gpuMemory` and the free memory of the device. A participant with unknown GPU memory and no
    `microBatchSize` sits out; the plan records the reason."""

    gpu_memory: Quantity | None = None
    """Memory per GPU for participants whose GPU memory is otherwise unknown."""
    batches_per_gpu: PositiveFloat | None = None
    """Number of full micro-batches per GPU and round. Defaults to the median, over the participants, of the number that
    would use all of a participant's data by the last round."""


PARTITIONING_STRATEGIES: dict[str, StrategySpec] = {
    "All": StrategySpec("all samples in each round"),
    "FixedSize": StrategySpec("a fixed number of samples", FixedSize),
    "Percentage": StrategySpec("a percentage of the participant's samples", Percentage),
    "MaxDataVolume": StrategySpec(
        "the same number for all participants, such that the largest one uses all of its data once over the run"
    ),
    "DataVolumeAndGPUMemory": StrategySpec("in proportion to data and GPU memory", DataVolumeAndGPUMemory),
}
