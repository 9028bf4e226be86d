"""The four kinds on a cluster: their names, what `kubectl get` shows of them, their models."""

from dataclasses import dataclass
from typing import Literal

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTraining, FederatedTrainingSpec
from fedtrain.api.participant_policy import ParticipantPolicy, ParticipantPolicySpec, ParticipantPolicyStatus
from fedtrain.api.participant_record import ParticipantRecord, ParticipantRecordSpec, ParticipantRecordStatus
from fedtrain.api.status_fields import FederatedTrainingStatus, TrainingTaskStatus
from fedtrain.api.training_task import TrainingTask, TrainingTaskSpec

GROUP, VERSION = "fedtrain.dev", "v1alpha1"


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; with `wide`, of `kubectl get -o wide` only. `text`: its description, if the name does
    not say all."""

    name: str
    path: str
    type: Literal["string", "integer", "number", "boolean", "date"] = "string"
    wide: bool = False
    text: str | None = None


EPSILON = (
    "With spec.privacy: privacy loss of the run so far and its budget, with delta, the protected unit, the "
    "neighbouring relation, who is trusted, and the accountant, in short; status.privacy has them in full."
)


AGE = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`model` is the whole object; its status, which users don't write, is a block of its own."""

    name: str
    plural: str
    short_names: tuple[str, ...]
    scope: Literal["Namespaced", "Cluster"]
    model: type[Block]
    spec: type[Block]
    status: type[Block] | None
    columns: tuple[Column, ...]


KINDS = (
    Kind(
        name="FederatedTraining",
        plural="federatedtrainings",
        short_names=("ft",),
        scope="Namespaced",
        model=FederatedTraining,
        spec=FederatedTrainingSpec,
        status=FederatedTrainingStatus,
        columns=(
            Column("Round", ".status.round", "integer"),
            Column("Phase", ".status.phase"),
            Column("Participants", ".status.participants"),
            Column("Metric", ".status.metric"),
            Column("Epsilon", ".status.privacy.summary", text=EPSILON),  # empty without spec.privacy
            Column("Seconds", ".status.elapsed.seconds", "number"),  # kubectl get -w: no line twice
            AGE,
            Column("Rounds", ".spec.rounds.count", "integer", wide=True),
            Column("Strategy", ".spec.aggregation.strategy", wide=True),
            Column("Message", ".status.message", wide=True),
        ),
    ),
    Kind(
        name="Participant",
        plural="participants",
        short_names=("fp",),
        scope="Cluster",
        model=ParticipantRecord,
        spec=ParticipantRecordSpec,
        status=ParticipantRecordStatus,
        columns=(
            Column("Namespace", ".spec.namespace"),
            Column("Connected", '.status.conditions[?(@.type=="Connected")].status'),
            Column("Last Seen", ".status.lastSeen", "date"),
            Column("GPUs", ".status.gpus.offered", "integer"),
            Column("Free", ".status.gpus.free", "integer"),
            Column("Running", ".status.running", "integer"),
            Column("Data Sets", ".status.datasetNames"),
            Column("Version", ".status.version"),
            AGE,
            Column("Cluster", ".spec.cluster", wide=True),
            Column("GPU Model", ".status.gpus.model", wide=True),
            Column("GPU Memory", ".status.gpus.memory", wide=True),
        ),
    ),
    Kind(
        name="ParticipantPolicy",
        plural="participantpolicies",
        short_names=("fpol",),
        scope="Namespaced",
        model=ParticipantPolicy,
        spec=ParticipantPolicySpec,
        status=ParticipantPolicyStatus,
        columns=(
            Column("Suspended", ".spec.suspend", "boolean"),
            Column("Approval", ".spec.approval"),
            Column("Pending", ".status.pendingApprovals[0].name"),
            Column("GPUs", ".spec.limits.gpus", "integer"),
            Column("GPU Memory", ".spec.limits.gpuMemory"),
            AGE,
        ),
    ),
    Kind(
        name="TrainingTask",
        plural="trainingtasks",
        short_names=("ftt",),
        scope="Namespaced",
        model=TrainingTask,
        spec=TrainingTaskSpec,
        status=TrainingTaskStatus,
        columns=(
            Column("Training", ".spec.task.name"),
            Column("Participant", ".spec.task.participant"),
            Column("Round", ".spec.task.round", "integer"),
            Column("Work", ".spec.task.work.type"),
            Column("Attempt", ".spec.task.attempt", "integer"),
            Column("Phase", ".status.phase"),
            Column("Reason", ".status.reason"),
            AGE,
            Column("Message", ".status.message", wide=True),
        ),
    ),
)
