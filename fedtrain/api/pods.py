"""Settings of pods, in the fields of Kubernetes pods: `spec.pods` of a ParticipantPolicy and the chart's `hubPods`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, Strict

from fedtrain.api.base import AMOUNT_PATTERN, VARIABLE_PATTERN, Block, Count, DnsLabel, ObjectName, Switch, Text

Texts = Mapping[str, Annotated[str, Strict(), Field(max_length=253)]]
Labels = Annotated[Texts, Field(max_length=64)]
Annotations = Annotated[Mapping[str, Annotated[str, Strict(), Field(max_length=4096)]], Field(max_length=64)]
Amount = Annotated[str, Strict(), Field(pattern=AMOUNT_PATTERN, max_length=32)]
Amounts = Annotated[Mapping[str, Amount], Field(max_length=16)]


class Open(Block):
    """A block that passes on further Kubernetes fields without reading them."""

    model_config = Block.model_config | {"extra": "allow"}


class Toleration(Block):
    """A node taint that the pods tolerate."""

    key: Annotated[str, Strict(), Field(max_length=317)] | None = None
    """Key of the taint; all keys if left out."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Whether the taint's value must be equal."""
    value: Annotated[str, Strict(), Field(max_length=63)] | None = None
    """Value of the taint, with operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; all effects if left out."""
    toleration_seconds: Annotated[int, Strict()] | None = None
    """How long to tolerate the taint, with effect NoExecute."""


class ImagePullSecret(Block):
    """A Secret with a registry's credentials."""

    name: ObjectName
    """Name of the Secret, in the namespace of the pods."""


class Volume(Open):
    """A volume, as in Kubernetes pods: `name` and its source, such as `persistentVolumeClaim: {claimName: data}`."""

    name: DnsLabel
    """Name that mounts refer to. Reserved: `scratch`, `home`, `shm`, `transfer`, `spool`, and `ledger-credentials`,
    `base-credentials`, `data-credentials`, `data-2-credentials` and so on, `noise-credentials` and
    `fingerprint-credentials`."""


class VolumeMount(Open):
    """A mount point of a volume in the container, as in Kubernetes pods."""

    name: DnsLabel
    """Name of one of `volumes`."""
    mount_path: Text
    """An absolute path. fedtrain's own mounts, such as `/tmp` and `/home/fedtrain`, are reserved."""
    read_only: Switch = False
    """Whether the mount is read-only."""


class KeyRef(Block):
    """A key of a Secret or a ConfigMap in the namespace of the pods."""

    name: ObjectName
    """Name of the Secret or ConfigMap."""
    key: Annotated[Text, Field(max_length=253)]
    """Key in its data."""
    optional: Switch = False
    """Whether pods start without it."""


class ValueFrom(Block):
    """Source of a variable's value."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""


class Variable(Block):
    """An environment variable, such as `NCCL_SOCKET_IFNAME` or `HF_TOKEN`."""

    name: Annotated[str, Strict(), Field(pattern=VARIABLE_PATTERN, max_length=253)]
    """Name of the variable. Names that begin with FEDTRAIN_ are reserved."""
    value: Annotated[str, Strict(), Field(max_length=4096)] | None = None
    """Value. Keep tokens in a Secret."""
    value_from: ValueFrom | None = None
    """Source of the value, instead of `value`."""


class NodeAffinity(Open):
    """Rules on nodes' labels, as in Kubernetes pods."""


class PodAffinity(Open):
    """Rules on other pods, as in Kubernetes pods."""


class Affinity(Block):
    """Scheduling rules, as in Kubernetes pods."""

    node_affinity: NodeAffinity | None = None
    """Nodes that pods require or prefer."""
    pod_affinity: PodAffinity | None = None
    """Pods to run near."""
    pod_anti_affinity: PodAffinity | None = None
    """Pods to stay away from."""


class TopologySpreadConstraint(Open):
    """How pods spread over zones or nodes, as in Kubernetes pods."""

    max_skew: Count
    """Greatest difference of pod counts between two topology domains."""
    topology_key: Annotated[str, Strict(), Field(min_length=1, max_length=317)]
    """Node label that defines the domains, such as `topology.kubernetes.io/zone`."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """Whether a pod waits when the constraint cannot be met."""


class Resources(Block):
    """Resource requests and limits of the container, such as `{cpu: 500m, memory: 2Gi}`."""

    requests: Amounts = {}
    """Amounts that the scheduler reserves."""
    limits: Amounts = {}
    """Amounts that the container cannot exceed. A device in `limits` alone, such as `nvidia.com/gpu`, is not given to
    pods: it limits what trainings ask for."""


def is_device(resource: str) -> bool:
    """Whether a resource is a device, such as `nvidia.com/gpu`: CPU, memory and storage have no domain."""
    return "/" in resource


DEFAULT_RESOURCES = Resources(requests={"cpu": "250m", "memory": "512Mi"}, limits={"cpu": "16", "memory": "32Gi"})
"""Requests are small, so that a small cluster schedules every pod. Limits satisfy a ResourceQuota on limits. They apply
where neither the owner nor a training sets an amount."""


class SELinuxOptions(Open):
    """SELinux labels, as in Kubernetes pods."""


Id = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)]


class PodSecurityContext(Block):
    """User and group IDs of the pods. A block that you write replaces the default as a whole: with `{}`, or with IDs
    of `null`, the cluster chooses them, as OpenShift requires. Pods never run as root."""

    run_as_user: Annotated[int, Strict(), Field(ge=1, le=2**31 - 1)] | None = None
    """User ID."""
    run_as_group: Id | None = None
    """Primary group ID."""
    fs_group: Id | None = None
    """Group that owns mounted volumes."""
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = None
    """When the kubelet changes the ownership of volumes."""
    supplemental_groups: Annotated[tuple[Id, ...], Field(max_length=32)] = ()
    """Additional group IDs, such as those of an NFS share."""
    se_linux_options: SELinuxOptions | None = None
    """SELinux labels."""


USER = 65532
"""The user and group of the images."""


class ContainerSecurityContext(Block):
    """Settings of the container. Dropped capabilities, `allowPrivilegeEscalation: false`, `runAsNonRoot: true` and the
    seccomp profile `RuntimeDefault` cannot be changed."""

    read_only_root_filesystem: Switch = True
    """Set to false for libraries that write outside /tmp and the home directory."""


class Pods(Block):
    """Settings of fedtrain's pods, named as in Kubernetes pods. They apply to the only container."""

    node_selector: Labels = {}
    """Labels of the nodes that may be used."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints of nodes that may be used."""
    affinity: Affinity | None = None
    """Scheduling rules."""
    topology_spread_constraints: Annotated[tuple[TopologySpreadConstraint, ...], Field(max_length=16)] = ()
    """How pods spread over zones or nodes."""
    scheduler_name: ObjectName | None = None
    """Scheduler of the pods."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pods."""
    runtime_class_name: ObjectName | None = None
    """RuntimeClass of the pods, such as `nvidia`."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pods, such as one with a cloud role. Its token is not mounted."""
    image_pull_secrets: Annotated[tuple[ImagePullSecret, ...], Field(max_length=16)] = ()
    """Secrets for a private registry."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=32)] = ()
    """Volumes, such as the data's, a cache of base models, or a ConfigMap or Secret with a certificate authority."""
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=32)] = ()
    """Mount points in the container."""
    env: Annotated[tuple[Variable, ...], Field(max_length=64)] = ()
    """Environment variables of the container."""
    resources: Resources = Resources()
    """Requests where a training's `compute` sets none, and limits. What a training asks for is capped at these limits.
    Default of CPU and memory: requests of 250m and 512Mi, limits of 16 and 32Gi, which do not cap a training. The GPUs
    of a pod are those of `compute`; other devices with request and limit, such as `rdma/hca`, are given to all pods."""
    security_context: PodSecurityContext = PodSecurityContext(run_as_user=USER, run_as_group=USER, fs_group=USER)
    """User and group IDs of the pods. Default: 65532 as user, group and fsGroup."""
    container_security_context: ContainerSecurityContext = ContainerSecurityContext()
    """Settings of the container."""
    labels: Labels = {}
    """Labels of jobs and pods, such as `kueue.x-k8s.io/queue-name`."""
    annotations: Annotations = {}
    """Annotations of jobs and pods."""
