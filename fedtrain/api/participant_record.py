"""The kind `Participant`: registers one participant at the hub."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, AnyNamespace, Block, Count, DnsLabel, Instant, NonNegativeInt, Quantity
from fedtrain.api.federated_training import Metadata
from fedtrain.api.status_fields import Conditions, ShortText


class ParticipantRecordSpec(Block):
    """Namespace of the participant, and the namespaces that may use it."""

    namespace: DnsLabel
    """Namespace of the participant's TrainingTasks. With `cluster: Hub`, also of its ParticipantPolicy and jobs."""
    cluster: Literal["Hub", "Own"] = "Hub"
    """Cluster in which the participant trains. `Hub`: this cluster. `Own`: a cluster of its own, whose operator
    connects to this one."""
    allowed_namespaces: Annotated[tuple[AnyNamespace, ...], Field(min_length=1, max_length=256)]
    """Namespaces whose trainings may use this participant. `"*"` as the only item allows all namespaces."""


class HeldDataset(Block):
    """A data set that the participant's policy maps."""

    name: DnsLabel
    """Logical name of the data set."""
    samples: Count | None = None
    """Number of samples, if the policy states it."""


class OfferedGpus(Block):
    """GPUs that the participant's policy offers."""

    offered: NonNegativeInt
    """Maximum number of GPUs of a task: `limits.gpus` of the policy."""
    free: NonNegativeInt
    """Those of them that no running task uses."""
    model: ShortText | None = None
    """Model of the GPUs: `limits.gpuModel` of the policy."""
    memory: Quantity | None = None
    """Memory per GPU: `limits.gpuMemory` of the policy."""


class ParticipantRecordStatus(Block):
    """Status reported by the participant. The coordinator writes the conditions."""

    last_seen: Instant | None = None
    """Time of the last heartbeat, by the participant's clock. The hub watches for changes of this field, so the clocks
    need not be synchronized."""
    heartbeat_seconds: Annotated[NonNegativeInt, Field(le=86400)] | None = None
    """Seconds between two heartbeats."""
    datasets: Annotated[tuple[HeldDataset, ...], Field(max_length=1000)] = ()
    """Data sets that the participant's policy maps."""
    dataset_names: ShortText | None = None
    """Names of the data sets, such as `mail (4200), tickets, +3`. The numbers of samples are in parentheses."""
    gpus: OfferedGpus | None = None
    """GPUs, if the policy limits them, as of the last heartbeat."""
    running: NonNegativeInt | None = None
    """Number of tasks that run, as of the last heartbeat."""
    running_tasks: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    """Names of these TrainingTasks, up to 100."""
    version: ShortText | None = None
    """Version of fedtrain at the participant."""
    conditions: Conditions = ()
    """Current conditions. `Connected`: heartbeats of the participant arrive."""


class ParticipantRecord(Block):
    """A participant that trainings can use."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["Participant"] = "Participant"
    metadata: Metadata
    """Metadata. Trainings refer to the participant by `metadata.name`."""
    spec: ParticipantRecordSpec
    """Namespace of the participant, and the namespaces that may use it."""
