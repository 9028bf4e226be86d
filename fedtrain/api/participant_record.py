"""The kind `Participant`: the hub's record of one participant. The participant writes its status alone."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import API_VERSION, AnyNamespace, Block, DnsLabel, Instant
from fedtrain.api.federated_training import Metadata
from fedtrain.api.status import ShortText


class ParticipantRecordSpec(Block):
    """Where the participant is, and who may ask it."""

    namespace: DnsLabel
    """Where its tasks are put, and its ParticipantPolicy is."""
    allowed_namespaces: Annotated[tuple[AnyNamespace, ...], Field(min_length=1, max_length=256)]
    """Namespaces whose trainings may name it; `"*"` alone for all."""


class HeldDataset(Block):
    """A data set that the participant's policy maps."""

    name: DnsLabel
    """Its logical name."""


class ParticipantRecordStatus(Block):
    """What the participant says of itself."""

    last_seen: Instant | None = None
    """Its last sign of life, by its own clock; it gives one now and then. The hub goes by when this changes."""
    datasets: Annotated[tuple[HeldDataset, ...], Field(max_length=1000)] = ()
    """What its policy maps."""
    version: ShortText | None = None
    """Of its fedtrain."""


class ParticipantRecord(Block):
    """The hub's record of one participant; trainings name it."""

    api_version: Literal["fedtrain.dev/v1alpha1"] = API_VERSION
    kind: Literal["Participant"] = "Participant"
    metadata: Metadata
    """Its name is the one that trainings use."""
    spec: ParticipantRecordSpec
    """Where it is, and who may ask it."""
