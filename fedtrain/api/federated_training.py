"""The kind `FederatedTraining`: the whole run, all rounds."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.aggregation import Aggregation
from fedtrain.api.base import API_VERSION, Block, DnsLabel, Name, Switch
from fedtrain.api.data import Data
from fedtrain.api.evaluation import Evaluation
from fedtrain.api.model import Model
from fedtrain.api.participants import Participant
from fedtrain.api.partitioning import Partitioning
from fedtrain.api.rounds import Rounds
from fedtrain.api.storage import Storage
from fedtrain.api.training import Training


class Metadata(Block):
    """Of Kubernetes' metadata, what a run depends on; the rest is let through."""

    model_config = Block.model_config | {"extra": "ignore"}

    name: Name
    """The run's name, or (of a policy, or a Participant) the participant's."""
    namespace: DnsLabel = "default"
    """Where the run is kept: `<storage>/<namespace>/<name>`."""


class FederatedTrainingSpec(Block):
    """The whole run."""

    model: Model
    """The base model and the adapter."""
    data: Data
    """What is trained on."""
    participants: Annotated[tuple[Participant, ...], Field(min_length=1, max_length=1000)]
    """Who trains."""
    rounds: Rounds
    """How many rounds, and what a round needs."""
    training: Training
    """How each participant trains."""
    partitioning: Partitioning = Partitioning()
    """On how many rows."""
    aggregation: Aggregation = Aggregation()
    """How updates become the next adapter."""
    evaluation: Evaluation = Evaluation()
    """What is measured."""
    storage: Storage = Storage()
    """Where the ledger is."""
    suspend: Switch = False
    """On a cluster: stops what runs and frees its GPUs until it is false again. That time counts for no deadline."""

    def participant(self, name: str) -> Participant:
        """The participant of this name. Raises KeyError."""
        for participant in self.participants:
            if participant.name == name:
                return participant
        raise KeyError(name)

    @property
    def minimum(self) -> int:
        """The valid updates a round needs."""
        return self.rounds.min_participants or len(self.participants)


class FederatedTraining(Block):
    """The resource that a user applies."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["FederatedTraining"] = "FederatedTraining"
    metadata: Metadata
    spec: FederatedTrainingSpec
