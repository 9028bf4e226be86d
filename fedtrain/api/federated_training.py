"""The kind `FederatedTraining`: the whole run, all rounds."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.aggregation import Aggregation
from fedtrain.api.base import API_VERSION, Block, Name
from fedtrain.api.data import Data
from fedtrain.api.evaluation import Evaluation
from fedtrain.api.model import Model
from fedtrain.api.participants import Participant
from fedtrain.api.partitioning import Partitioning
from fedtrain.api.rounds import Rounds
from fedtrain.api.storage import Storage
from fedtrain.api.training import Training


class Metadata(Block):
    """Of Kubernetes' metadata, what a run depends on."""

    model_config = Block.model_config | {"extra": "ignore"}

    name: Name
    namespace: Name = "default"


class FederatedTrainingSpec(Block):
    model: Model
    data: Data
    participants: Annotated[tuple[Participant, ...], Field(min_length=1, max_length=1000)]
    rounds: Rounds
    training: Training
    partitioning: Partitioning = Partitioning()
    aggregation: Aggregation = Aggregation()
    evaluation: Evaluation = Evaluation()
    storage: Storage = Storage()

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
