"""The kind `ParticipantPolicy`: what a participant's owner declares, in the participant's own cluster."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, Block, Name, Quantity, Text
from fedtrain.api.federated_training import Metadata
from fedtrain.api.pods import Pods


class Dataset(Block):
    """A data set, and where it is here."""

    name: Name
    """The logical name that trainings use."""
    uri: Text
    """A JSONL or Parquet file, a folder of those, a Hugging Face data set on disk, or `s3://bucket/key`."""


class Limits(Block):
    """What a task may use."""

    gpu_memory: Quantity | None = None
    """Of one GPU."""


class ParticipantPolicySpec(Block):
    """What is here, and what a task may use of it."""

    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1, max_length=1000)]
    """The data sets."""
    limits: Limits = Limits()
    """The limits."""
    pods: Pods = Pods()
    """On a cluster: what is laid over the pods of tasks here."""


class ParticipantPolicy(Block):
    """What a participant's owner declares. On a cluster it lives with the participant, not at the hub."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["ParticipantPolicy"] = "ParticipantPolicy"
    metadata: Metadata
    spec: ParticipantPolicySpec
