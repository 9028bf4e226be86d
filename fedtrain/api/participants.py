"""`spec.participants`: the organisations that train, by name."""

from typing import Annotated

from pydantic import Field

from fedtrain.api.base import Block, Count, Cpu, Name, NonNegativeInt, PositiveFloat, Quantity, ResourceName
from fedtrain.api.training import TrainingOverrides


class Compute(Block):
    """What one participant trains on."""

    nodes: Annotated[Count, Field(le=1024)] = 1
    """Number of nodes."""
    gpus_per_node: Annotated[NonNegativeInt, Field(le=64)] = 0
    """Number of GPUs, and of processes, per node. With 0, one process per node trains on CPU."""
    gpu_memory: Quantity | None = None
    """Memory of one GPU that a task may count on. The least of this, the policy's limit and what is free on the device
    holds."""
    gpu_resource: ResourceName = "nvidia.com/gpu"
    """On a cluster: what its GPUs are asked for as."""
    cpu: Cpu | None = None
    """On a cluster: cores of each node, such as "4" or 500m."""
    memory: Quantity | None = None
    """On a cluster: memory of each node."""


class Participant(Block):
    """One organisation that trains on its own data."""

    name: Name
    """Name of the participant and of its policy."""
    compute: Compute = Compute()
    """Compute resources of this participant."""
    training: TrainingOverrides = TrainingOverrides()
    """Overrides of `spec.training` for this participant."""
    weight: PositiveFloat | None = None
    """Its weight in the mean; only with `aggregation.weights: Fixed`."""
