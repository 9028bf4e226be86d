"""What rules check: a file's documents, and positions in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as File
from typing import Generic, TypeVar

from fedtrain.api import paths
from fedtrain.api.base import DNS_LABEL_PATTERN, as_label
from fedtrain.api.federated_training import FederatedTraining, FederatedTrainingSpec
from fedtrain.api.participant_policy import Dataset, ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.places import absolute

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A path in one of the file's documents, by number."""

    document: int
    path: paths.Path

    def at(self, *steps: str | int) -> "Place":
        """A place below this one."""
        return Place(self.document, (*self.path, *steps))


@dataclass(frozen=True)
class Found(Generic[T]):
    """A part of the file and its place."""

    value: T
    place: Place


@dataclass(frozen=True)
class Context:
    """All documents of a file. Relative paths start at `folder`; `records` are the hub's Participant objects.
    `data_elsewhere`: participants, or `PARTICIPANT/DATASET`, whose data need not be on this machine."""

    training: Found[FederatedTraining]
    policies: tuple[Found[ParticipantPolicy], ...]
    folder: File
    records: tuple[Found[ParticipantRecord], ...] = ()
    data_elsewhere: frozenset[str] = frozenset()

    @property
    def spec(self) -> FederatedTrainingSpec:
        return self.training.value.spec

    @cached_property
    def participant_names(self) -> dict[str, None]:
        """Names of the training's participants, in order."""
        return dict.fromkeys(participant.name for participant in self.spec.participants)

    @cached_property
    def policy_names(self) -> dict[str, None]:
        """Names of the policies, in order."""
        return dict.fromkeys(policy.value.metadata.name for policy in self.policies)

    @cached_property
    def misspelt_names(self) -> set[str | None]:
        """The corrected forms of invalid names of participants and policies. References to them are not checked."""
        named = (*self.spec.participants, *(policy.value.metadata for policy in self.policies))
        names: list[str] = [one.name for one in named if hasattr(one, "name")]  # a malformed file lacks some
        return {as_label(name) for name in names if not re.search(DNS_LABEL_PATTERN, name)}

    @cached_property
    def renamed(self) -> tuple[str, str] | None:
        """The only participant without a policy and the only policy without a participant: one name is wrong."""
        listed = [one.name for one in self.spec.participants if hasattr(one, "name")]  # a malformed file lacks some
        policies = [one.value.metadata.name for one in self.policies if hasattr(one.value.metadata, "name")]
        without, strangers = set(listed) - set(policies), set(policies) - set(listed)
        whole = len(set(listed)) == len(self.spec.participants) and len(policies) == len(self.policies)
        if not whole or self.misspelt_names or (len(without), len(strangers)) != (1, 1):
            return None
        return without.pop(), strangers.pop()

    def participant_of(self, policy: str) -> str | None:
        """The participant that a policy of this name belongs to, also if one of the two names is wrong."""
        if self.renamed is not None and policy == self.renamed[1]:
            return self.renamed[0]
        return policy if policy in self.participant_names else None

    def is_elsewhere(self, dataset: Dataset) -> bool:
        """Whether a data set of a policy need not be on this machine."""
        if not self.data_elsewhere:
            return False
        owner = next(one.value for one in self.policies if any(dataset is own for own in one.value.spec.datasets))
        name = owner.metadata.name
        return not self.data_elsewhere.isdisjoint((name, f"{name}/{dataset.name}"))

    @property
    def without_policy(self) -> list[str]:
        """Names of the participants without a policy, in order."""
        return [name for name in self.participant_names if name not in self.policy_names]

    @cached_property
    def has_repeated_names(self) -> bool:
        """Whether a participant or a policy is there twice: it may be the one that the other side lacks."""
        listed = [one.name for one in self.spec.participants if hasattr(one, "name")]  # a malformed file lacks some
        policies = [one.value.metadata.name for one in self.policies if hasattr(one.value.metadata, "name")]
        return len(set(listed)) < len(listed) or len(set(policies)) < len(policies)

    @property
    def documents(self) -> Iterator[Found[FederatedTraining] | Found[ParticipantPolicy] | Found[ParticipantRecord]]:
        yield self.training
        yield from self.policies
        yield from self.records

    def resolve(self, uri: str) -> str:
        """The absolute path of a relative one; other URIs unchanged."""
        return absolute(uri, self.folder)
