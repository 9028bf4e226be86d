"""The kind `FederatedTraining`: the whole run, all rounds."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.aggregation import Aggregation
from fedtrain.api.base import API_VERSION, Block, DnsLabel, Name, Switch
from fedtrain.api.data import Data
from fedtrain.api.evaluation import Evaluation
from fedtrain.api.model import Model
from fedtrain.api.participants import Participant
from fedtrain.api.partitioning import Partitioning
from fedtrain.api.privacy import Privacy
from fedtrain.api.rounds import Rounds
from fedtrain.api.storage import Storage
from fedtrain.api.training import Training


class Metadata(Block):
    """The fields of Kubernetes metadata that a run depends on. Other fields are accepted and ignored."""

    model_config = Block.model_config | {"extra": "ignore"}

    name: Name
    """Name of the run; for a ParticipantPolicy or a Participant, name of the participant."""
    namespace: DnsLabel = "default"
    """Namespace of the run, which is stored in `<storage>/<namespace>/<name>`."""


class FederatedTrainingSpec(Block):
    """Specification of a federated training run."""

    model: Model
    """Base model and LoRA adapter."""
    data: Data
    """Training data."""
    participants: Annotated[tuple[Participant, ...], Field(min_length=1, max_length=1000)]
    """Participants that train."""
    rounds: Rounds
    """Number of rounds, and the conditions for a round to succeed."""
    training: Training
    """How each participant trains."""
    partitioning: Partitioning = Partitioning()
    """Number of samples per participant and round."""
    aggregation: Aggregation = Aggregation()
    """How updates become the next adapter."""
    privacy: Privacy | None = None
    """Differential privacy. Without it, nothing limits what an adapter reveals about the data."""
    evaluation: Evaluation = Evaluation()
    """Evaluation of the adapters."""
    storage: Storage = Storage()
    """Location of the ledger."""
    suspend: Switch = False
    """On a cluster: if true, stops all pods and frees their GPUs until set to false. Suspended time does not count
    towards deadlines."""

    def participant(self, name: str) -> Participant:
        """Return the participant with this name. Raises KeyError."""
        for participant in self.participants:
            if participant.name == name:
                return participant
        raise KeyError(name)

    def trained(self, samples: Mapping[str, int]) -> dict[str, int]:
        """Return the number of samples that the steps of each participant process in a round, with repeats. `samples`:
        sizes of the slices of participants."""
        trainings = {one.name: one.training for one in self.participants}
        return {who: trainings[who].over(self.training).trained(count) for who, count in samples.items()}

    @property
    def participant_privacy(self) -> Privacy | None:
        """`privacy` with `unit: Participant`: clipping and noise on updates."""
        return self.privacy if self.privacy is not None and self.privacy.unit == "Participant" else None

    @property
    def example_privacy(self) -> Privacy | None:
        """`privacy` with `unit: Example`: clipping and noise on gradients, inside each participant."""
        return self.privacy if self.privacy is not None and self.privacy.unit == "Example" else None

    @property
    def minimum(self) -> int:
        """Minimum number of valid updates per round."""
        return self.rounds.min_participants or len(self.participants)


class FederatedTraining(Block):
    """The resource that a user applies."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["FederatedTraining"] = "FederatedTraining"
    metadata: Metadata
    spec: FederatedTrainingSpec
