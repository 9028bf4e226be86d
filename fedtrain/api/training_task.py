"""The kind `TrainingTask`: the task for one participant, one round and one attempt. The coordinator writes the spec;
only the participant writes the status."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, Block, DnsLabel, Duration, Name, NonNegativeInt, Text
from fedtrain.api.federated_training import Metadata
from fedtrain.api.participants import Compute
from fedtrain.api.pods import Open
from fedtrain.api.status_fields import ShortText
from fedtrain.api.storage import Storage


class Work(Open):
    """Type and parameters of the task."""

    type: ShortText
    """Type of the task: `Inspect`, `Train` or `Measure`."""


class Order(Open):
    """The task as the trainer reads it: `fedtrain.contracts.tasks.Task` as JSON. Only the fields that users look for
    are declared; newer contracts may have more. A trainer refuses tasks with an unknown `contractVersion` or unknown
    `requiredFeatures`."""

    contract_version: NonNegativeInt
    """Version of the task contract."""
    required_features: Annotated[tuple[Text, ...], Field(max_length=64)] = ()
    """Features that the trainer must support. A trainer refuses a task with an unknown feature."""
    namespace: DnsLabel
    """Namespace of the training."""
    name: Name
    """Name of the training."""
    run_id: ShortText
    """ID of the run in the ledger."""
    round: NonNegativeInt
    """Number of the round."""
    attempt: NonNegativeInt
    """Number of the attempt of this participant in this round, from 1."""
    participant: Name
    """Name of the participant."""
    work: Work
    """Type and parameters of the task."""


class TrainingTaskSpec(Block):
    """Specification of a task. Immutable, except for `desiredState`."""

    task: Order
    """The task as the trainer reads it."""
    compute: Compute = Compute()
    """Compute resources that the task requests."""
    storage: Storage
    """Location of the ledger. Contains no credentials."""
    timeout: Duration
    """Maximum run time of a pod of this task. Pods stop after it even if the hub is unreachable, so that GPUs are
    freed."""
    desired_state: Literal["Run", "Cancel"] = "Run"
    """Desired state. `Run`: the task runs. `Cancel`: its pods are stopped and their resources are released."""


class TrainingTask(Block):
    """A task for one participant, one round and one attempt."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["TrainingTask"] = "TrainingTask"
    metadata: Metadata
    """Metadata. Labels name the training, the participant and the round."""
    spec: TrainingTaskSpec
    """Specification of the task."""
