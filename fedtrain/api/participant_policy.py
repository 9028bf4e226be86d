"""The kind `ParticipantPolicy`: data sets, permissions, limits and pod settings of a participant, declared by its owner
in the participant's cluster. `fedtrain.api.rules.policy` evaluates it."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import (
    API_VERSION,
    Block,
    Count,
    DnsLabel,
    Duration,
    Name,
    NonNegativeInt,
    ObjectName,
    Quantity,
    Switch,
    Text,
    TimeOfDay,
)
from fedtrain.api.federated_training import Metadata
from fedtrain.api.model import Digest
from fedtrain.api.pods import Pods
from fedtrain.api.privacy import Delta, Epsilon, Multiplier
from fedtrain.api.storage import S3Access, SecretRef


class Dataset(Block):
    """A data set and its location at the participant."""

    name: Name
    """Logical name that trainings use."""
    uri: Text
    """Location: a JSONL, JSON, CSV or Parquet file (also with .gz), a folder of such files, a Hugging Face data set on
    disk, or `s3://bucket/key`."""
    s3: S3Access | None = None
    """Server and credentials of the bucket in `uri`. Only with `s3://`. The credentials of the ledger are never used
    for data."""
    samples: Count | None = None
    """Number of samples, reported to the hub. If omitted, the hub sees only the name until a training counts them."""


class BaseModel(Block):
    """Access of this participant to base models in buckets."""

    s3: S3Access
    """Server and credentials of the bucket in the training's `model.base`. Replaces the training's `model.s3`."""


class Requester(Block):
    """Trainings that may use this participant."""

    namespace: Text
    """Namespace of the training at the hub. `*` matches any characters."""
    name: Text = "*"
    """Name of the training. `*` matches any characters."""


class Store(Block):
    """A bucket that a training may keep its ledger in. Pods reach it with requests that the hub has signed."""

    endpoint: Text | None = None
    """URL of the server, as in the training's `storage.s3.endpoint`. If omitted: AWS."""
    bucket: Text = "*"
    """Name of the bucket. `*` matches any characters."""
    ca_file: Text | None = None
    """File of CA certificates (PEM) in the pods, used to verify the server's certificate. Replaces the training's
    `storage.s3.caFile`."""


class Allow(Block):
    """What a task may ask for. An omitted list allows everything."""

    requesters: Annotated[tuple[Requester, ...], Field(max_length=100)] = ()
    """Trainings that may use this participant."""
    base_models: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """Base models, such as `HuggingFaceTB/SmolLM2-135M` or `HuggingFaceTB/*`. `*` matches any characters except `/`."""
    images: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """On a cluster: trainer images by digest, such as `registry.example.org/fedtrain-trainer@sha256:...`."""
    stores: Annotated[tuple[Store, ...], Field(max_length=100)] = ()
    """Servers and buckets that pods may send updates to. Without `baseModel`, a training's `model.s3` must name one of
    these servers, if it names any."""


class Limits(Block):
    """Limits of each task. A task that asks for more is refused, unless the description of the limit says otherwise."""

    nodes: Count | None = None
    """Maximum number of nodes."""
    gpus: NonNegativeInt | None = None
    """Maximum number of GPUs on all nodes together."""
    gpu_model: Annotated[Text, Field(max_length=64)] | None = None
    """Model of the GPUs, such as `NVIDIA H100`, reported to the hub. Limits nothing."""
    gpu_memory: Quantity | None = None
    """Memory limit per GPU. Tasks that ask for more get this much."""
    memory: Quantity | None = None
    """Maximum memory per node."""
    task_duration: Duration | None = None
    """On a cluster: maximum run time of a task. Its pods are stopped after it, even if the task asks for more."""
    concurrent_tasks: Count | None = None
    """On a cluster: maximum number of tasks that run at the same time. Further tasks wait."""
    adapter_rank: Count | None = None
    """Maximum LoRA rank. A larger adapter can memorise more."""
    steps_per_round: Count | None = None
    """Maximum number of optimizer steps per round."""


class Minimums(Block):
    """Minimum sizes of a round. A task below them is refused."""

    rows_per_round: Count | None = None
    """Minimum number of distinct rows that a task trains on."""
    participants_per_round: Count | None = None
    """Minimum number of updates that the hub aggregates in a round, as stated by the hub (`rounds.minParticipants`). A
    sum of two updates hides neither of them from the other participant."""


class PolicyPrivacy(Block):
    """Differential privacy that tasks must promise before they train on this participant's data. With `unit`,
    `minNoiseMultiplier`, `noiseLocation` or `maxEpsilon`, trainings without `spec.privacy` are refused."""

    unit: Literal["Participant", "Example"] | None = None
    """What a training must protect. `Participant`: all data of this participant, with noise that the hub promises.
    `Example`: each row, with noise that this participant adds itself."""
    min_noise_multiplier: Multiplier | None = None
    """Minimum noise multiplier of each round, or of each step with `unit: Example`."""
    noise_location: Literal["Client"] | None = None
    """`Client`: this participant must clip and add noise itself, because the hub is not trusted with its updates:
    `noise.location: Client`, or `unit: Example`. `maxEpsilon` then limits the loss towards the hub."""
    max_epsilon: Epsilon | None = None
    """Maximum privacy loss of a data set over all trainings with the same unit; each unit has its own sum. It is
    counted in the ConfigMap `fedtrain-privacy`, or with `fedtrain run` in a hidden file beside the data; `fedtrain
    participant privacy` prints it. The round that would exceed it is refused."""
    delta: Delta = 1e-5
    """Probability with which the loss may exceed `maxEpsilon`."""

    noise_key_secret_ref: SecretRef | None = None
    """Secret with at least 32 random bytes in its key `key`, from which this participant's shares of noise are drawn
    (`noise.location: Client`). Keep it secret: the hub could subtract noise that it knows."""

    @property
    def is_required(self) -> bool:
        """Whether trainings without `spec.privacy` are refused."""
        required = (self.unit, self.min_noise_multiplier, self.noise_location, self.max_epsilon)
        return any(one is not None for one in required)


class Spool(Block):
    """Place for trained updates until the ledger's store has them."""

    volume_claim: ObjectName
    """Name of a PersistentVolumeClaim. If the store does not answer, the pods of a task that has trained end, and a pod
    without GPUs uploads the update from here. Each task uses a folder of its own."""


class Window(Block):
    """A time window. Tasks start only within one; a task that runs at its end continues."""

    days: Annotated[tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...], Field(max_length=7)] = ()
    """Days on which the window starts. If omitted: every day."""
    start: TimeOfDay
    """Start, such as "20:00"."""
    end: TimeOfDay
    """End, such as "06:00". Before `start`: on the next day."""
    time_zone: Annotated[Text, Field(max_length=64)] = "UTC"
    """Time zone of both, such as `Europe/Berlin`."""


class ParticipantPolicySpec(Block):
    """Data sets, permissions, limits and pod settings of the participant."""

    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1, max_length=1000)]
    """Data sets of the participant."""
    base_model: BaseModel | None = None
    """Access to base models in buckets."""
    suspend: Switch = False
    """Stops the pods of all tasks. Tasks wait until it is `false` again. `fedtrain run` refuses the training."""
    allow: Allow = Allow()
    """What a task may ask for."""
    limits: Limits = Limits()
    """Limits of each task. A training beyond them is refused."""
    minimums: Minimums = Minimums()
    """Minimum sizes of a round. A training below them is refused."""
    privacy: PolicyPrivacy = PolicyPrivacy()
    """Differential privacy of this participant's data. A training that promises less is refused."""
    windows: Annotated[tuple[Window, ...], Field(max_length=50)] = ()
    """On a cluster: time windows in which tasks start. If omitted: always."""
    approval: Literal["Automatic", "Manual"] = "Automatic"
    """Whether the owner approves each training. `Automatic`: a training may start if this policy allows it. `Manual`:
    tasks of a training wait until its digest is in `approvedTrainings`. `fedtrain run` refuses the training until
    then."""
    approved_trainings: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    """Digests of the approved trainings. `fedtrain participant approve` shows a training and adds its digest."""
    logs: Literal["None", "Failures", "All"] = "None"
    """On a cluster: tasks whose last log lines the hub can read in the task's status. `None`: no task. `Failures`:
    tasks that failed. `All`: all tasks. Values of rows are removed."""
    spool: Spool | None = None
    """On a cluster: place for trained updates until the ledger's store has them. If omitted, pods keep their GPUs while
    they retry an upload, for half an hour."""
    pods: Pods = Pods()
    """On a cluster: settings that are merged into the pods of tasks."""

    def named(self, names: Iterable[str]) -> tuple[Dataset, ...]:
        """Return the data sets of these names, in their order. Raises KeyError if there is none of a name."""
        known = {dataset.name: dataset for dataset in self.datasets}
        return tuple(known[name] for name in names)


class PendingApproval(Block):
    """A training whose tasks wait for the owner's approval."""

    digest: Digest
    """Digest of the training as this participant sees it: model, data, local training and ledger."""
    namespace: DnsLabel
    """Namespace of the training at the hub."""
    name: Name
    """Name of the training."""
    base: Text
    """Base model."""
    dataset: Text
    """Data set."""
    adapter_rank: Count
    """LoRA rank."""


class ParticipantPolicyStatus(Block):
    """Current status of the policy."""

    pending_approvals: Annotated[tuple[PendingApproval, ...], Field(max_length=100)] = ()
    """Trainings that wait for the owner's approval."""


class ParticipantPolicy(Block):
    """Data sets, permissions, limits and pod settings of a participant, declared by its owner. On a cluster, it is
    in the participant's namespace of the cluster in which the participant trains. It outranks the hub's requests."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["ParticipantPolicy"] = "ParticipantPolicy"
    metadata: Metadata
    spec: ParticipantPolicySpec
