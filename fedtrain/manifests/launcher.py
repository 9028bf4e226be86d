"""What a participant starts tasks with. PyTorchJob is one; each renders, tells how its object stands, and names it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.kinds import Json, Kind


@dataclass(frozen=True)
class Standing:
    """How a launched job stands."""

    state: Literal["Pending", "Running", "Succeeded", "Failed"]
    message: str = ""


class Launcher(Protocol):
    """One kind of job. All of it is pure; the reconciler reads and writes."""

    kind: Kind

    def render(
        self, body: Json, order: TrainingTaskSpec, assignment: Assignment, policy: ParticipantPolicySpec
    ) -> Json:
        """The job of the TrainingTask `body`, of the same name and namespace, marked (`shared.rendered`)."""
        ...

    def standing(self, job: Json) -> Standing: ...

    def pods(self, name: str) -> dict[str, str]:
        """Labels that the pods of job `name` have."""
        ...
