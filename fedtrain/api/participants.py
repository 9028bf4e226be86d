"""`spec.participants`: the organisations that train, by name."""

from typing import Annotated

from pydantic import Field

from fedtrain.api.base import Block, Count, Cpu, Name, NonNegativeInt, PositiveFloat, Quantity, ResourceName
from fedtrain.api.training import TrainingOverrides


class Compute(Block):
    """Compute resources of one participant."""

    nodes: Annotated[Count, Field(le=1024)] = 1
    """Number of nodes."""
    gpus_per_node: Annotated[NonNegativeInt, Field(le=64)] = 0
    """Number of GPUs, and of processes, per node. With 0, one process per node trains on CPU."""
    gpu_memory: Quantity | None = None
    """Memory per GPU. The minimum of this value, the policy's limit and the free memory of the device applies."""
    gpu_resource: ResourceName = "nvidia.com/gpu"
    """On a cluster: resource name of the GPUs."""
    cpu: Cpu | None = None
    """On a cluster: CPU cores per node, such as "4" or 500m."""
    memory: Quantity | None = None
    """On a cluster: memory per node."""


class Participant(Block):
    """One organisation that trains on its own data."""

    name: Name
    """Name of the participant and of its policy."""
    compute: Compute = Compute()
    """Compute resources of this participant."""
    training: TrainingOverrides = TrainingOverrides()
    """Overrides of `spec.training` for this participant."""
    weight: PositiveFloat | None = None
    """Weight in the mean of the updates. Only with `aggregation.weights: Fixed`."""
