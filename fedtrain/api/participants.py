"""`spec.participants`: the organisations that train, by name."""

from typing import Annotated

from pydantic import Field

from fedtrain.api.base import Block, Count, Name, NonNegativeInt, PositiveFloat, Quantity
from fedtrain.api.training import TrainingOverrides


class Compute(Block):
    """What one participant trains on. `gpus_per_node: 0` trains on CPU, in one process a node."""

    nodes: Annotated[Count, Field(le=1024)] = 1
    gpus_per_node: Annotated[NonNegativeInt, Field(le=64)] = 0
    gpu_memory: Quantity | None = None


class Participant(Block):
    """One participant. `weight` only with `aggregation.weights: Fixed`."""

    name: Name
    compute: Compute = Compute()
    training: TrainingOverrides = TrainingOverrides()
    weight: PositiveFloat | None = None
