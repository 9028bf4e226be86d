"""The kind `ParticipantPolicy`: data sets, limits and pod settings of a participant, declared by its owner in the
participant's cluster."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, Block, Name, Quantity, Text
from fedtrain.api.federated_training import Metadata
from fedtrain.api.pods import Pods


class Dataset(Block):
    """A data set and its location at the participant."""

    name: Name
    """Logical name that trainings use."""
    uri: Text
    """Location: a JSONL or Parquet file, a folder of such files, a Hugging Face data set on disk, or
    `s3://bucket/key`."""


class Limits(Block):
    """Limits on the resources of a task."""

    gpu_memory: Quantity | None = None
    """Memory limit per GPU."""


class ParticipantPolicySpec(Block):
    """Data sets, resource limits and pod settings of the participant."""

    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1, max_length=1000)]
    """Data sets of the participant."""
    limits: Limits = Limits()
    """Resource limits of each task."""
    pods: Pods = Pods()
    """On a cluster: settings that are merged into the pods of tasks."""


class ParticipantPolicy(Block):
    """Data sets, limits and pod settings of a participant, declared by its owner. On a cluster, this object exists in
    the participant's cluster, not at the hub."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["ParticipantPolicy"] = "ParticipantPolicy"
    metadata: Metadata
    spec: ParticipantPolicySpec
