"""Launchers start the tasks of a participant. PyTorchJob is one. Each renders its job and reads the job's state."""

from dataclasses import dataclass
from typing import Literal, Protocol

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.storage import S3
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.kinds import Json, Kind


@dataclass(frozen=True)
class Standing:
    """State of a launched job."""

    state: Literal["Pending", "Running", "Succeeded", "Failed"]
    message: str = ""


class Launcher(Protocol):
    """One kind of job, and the trainer's image. Pure; the reconciler reads and writes."""

    kind: Kind
    image: str

    def render(
        self,
        body: Json,
        order: TrainingTaskSpec,
        assignment: Assignment,
        policy: ParticipantPolicySpec,
        *,
        uploads: bool = False,
    ) -> Json:
        """Return the job of the TrainingTask `body`, of the same name and namespace, with its digest. `uploads`: its
        update is trained, and this job only uploads it."""
        ...

    def ledger(self, job: Json) -> S3:
        """Return the bucket that the job's pods use."""
        ...

    def standing(self, job: Json) -> Standing: ...

    def pods(self, name: str) -> dict[str, str]:
        """Labels that the pods of job `name` have."""
        ...
