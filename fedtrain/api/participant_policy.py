"""The kind `ParticipantPolicy`: what a participant's owner declares, in the participant's own cluster."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, Block, Name, Quantity, Text
from fedtrain.api.federated_training import Metadata


class Dataset(Block):
    """A logical name, and where it is here: a JSONL or Parquet file, a folder of them, a Hugging Face data set on
    disk, or `s3://`."""

    name: Name
    uri: Text


class Limits(Block):
    gpu_memory: Quantity | None = None


class ParticipantPolicySpec(Block):
    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1, max_length=1000)]
    limits: Limits = Limits()


class ParticipantPolicy(Block):
    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["ParticipantPolicy"] = "ParticipantPolicy"
    metadata: Metadata
    spec: ParticipantPolicySpec
