"""The kind `TrainingTask`: the work order for one participant, one round and one attempt. The coordinator writes the
spec, the participant alone the status."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, Block, DnsLabel, Duration, Name, NonNegativeInt, Text
from fedtrain.api.federated_training import Metadata
from fedtrain.api.participants import Compute
from fedtrain.api.pods import Open
from fedtrain.api.status import ShortText
from fedtrain.api.storage import SecretRef, Storage


class Work(Open):
    """What is to be done, and what it needs."""

    type: ShortText
    """`Inspect`, `Train` or `Measure`."""


class Order(Open):
    """The task as the trainer reads it: `fedtrain.contracts.tasks.Task` as JSON. Only what people look for is named
    here: a newer contract may hold more, and a trainer that doesn't know it refuses by `contractVersion` and
    `requiredFeatures`."""

    contract_version: NonNegativeInt
    """Of the task's form."""
    required_features: Annotated[tuple[Text, ...], Field(max_length=64)] = ()
    """What a trainer must know of, or refuse."""
    namespace: DnsLabel
    """Of the training."""
    name: Name
    """Of the training."""
    run_id: ShortText
    """Of the run in the ledger."""
    round: NonNegativeInt
    """The round."""
    attempt: NonNegativeInt
    """Counts the tries of this participant in this round, from 1."""
    participant: Name
    """Who does it."""
    work: Work
    """What is to be done."""


class TrainingTaskSpec(Block):
    """The work order. It never changes, but for `desiredState`."""

    task: Order
    """What is to be done."""
    compute: Compute = Compute()
    """What it asks for."""
    storage: Storage
    """Where the ledger is; credentials are never here."""
    credentials_secret_ref: SecretRef | None = None
    """The Secret with the store's credentials, beside this task."""
    timeout: Duration
    """How long a pod of it may run: what holds GPUs ends by itself, even if the hub is never heard of again."""
    desired_state: Literal["Run", "Cancel"] = "Run"
    """`Cancel`: its pods are stopped and what they held is free."""


class TrainingTask(Block):
    """The work order for one participant, one round and one attempt."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["TrainingTask"] = "TrainingTask"
    metadata: Metadata
    """Its labels say of which training, participant and round it is."""
    spec: TrainingTaskSpec
    """The work order."""
