"""`spec.pods` of a ParticipantPolicy: what its owner lays over the pods of tasks, in Kubernetes' own words."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, Strict

from fedtrain.api.base import VARIABLE_PATTERN, Block, DnsLabel, ObjectName, Switch, Text

Texts = Mapping[str, Annotated[str, Strict(), Field(max_length=253)]]
Labels = Annotated[Texts, Field(max_length=64)]


class Open(Block):
    """A block that lets Kubernetes' other fields through, unread."""

    model_config = Block.model_config | {"extra": "allow"}


class Toleration(Block):
    """A taint of nodes that the pods put up with."""

    key: Annotated[str, Strict(), Field(max_length=317)] | None = None
    """The taint's; all if left out."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Whether the taint's value counts."""
    value: Annotated[str, Strict(), Field(max_length=63)] | None = None
    """The taint's, with operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's; all if left out."""
    toleration_seconds: Annotated[int, Strict()] | None = None
    """How long, with effect NoExecute."""


class ImagePullSecret(Block):
    """A Secret with a registry's credentials."""

    name: ObjectName
    """In the participant's namespace."""


class Volume(Open):
    """A volume, as in Kubernetes' pods: `name` and its source, such as `persistentVolumeClaim: {claimName: data}`."""

    name: DnsLabel
    """What mounts call it."""


class VolumeMount(Open):
    """Where a volume is in the trainer, as in Kubernetes' pods."""

    name: DnsLabel
    """Of one of `volumes`."""
    mount_path: Text
    """An absolute path."""
    read_only: Switch = False
    """Whether the trainer can't write there."""


class KeyRef(Block):
    """A key of a Secret or a ConfigMap in the participant's namespace."""

    name: ObjectName
    """Of the Secret or ConfigMap."""
    key: Annotated[Text, Field(max_length=253)]
    """The key."""
    optional: Switch = False
    """Whether the pods start without it."""


class ValueFrom(Block):
    """Where a variable's value is kept."""

    secret_key_ref: KeyRef | None = None
    """In a Secret."""
    config_map_key_ref: KeyRef | None = None
    """In a ConfigMap."""


class Variable(Block):
    """A variable of the trainer's environment, such as `NCCL_SOCKET_IFNAME` or `HF_TOKEN`."""

    name: Annotated[str, Strict(), Field(pattern=VARIABLE_PATTERN, max_length=253)]
    """Its name; those that begin with FEDTRAIN_ are fedtrain's own."""
    value: Annotated[str, Strict(), Field(max_length=4096)] | None = None
    """Its value. A token belongs into a Secret."""
    value_from: ValueFrom | None = None
    """Or where it is kept."""


class Pods(Block):
    """What is laid over the pods of tasks."""

    node_selector: Labels = {}
    """Labels of the nodes that may be used."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints of nodes that may be used."""
    image_pull_secrets: Annotated[tuple[ImagePullSecret, ...], Field(max_length=16)] = ()
    """For a registry of your own."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=32)] = ()
    """Such as the data's, or a cache of base models."""
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=32)] = ()
    """Where they are in the trainer."""
    env: Annotated[tuple[Variable, ...], Field(max_length=64)] = ()
    """Variables of the trainer's environment."""
    labels: Labels = {}
    """Such as `kueue.x-k8s.io/queue-name`."""
