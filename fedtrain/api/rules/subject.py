"""What the rules judge, and what they find."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import Generic, TypeVar

from fedtrain.api import paths
from fedtrain.api.evaluation import Metric
from fedtrain.api.federated_training import FederatedTraining, FederatedTrainingSpec
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.participants import Participant
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
class Problem:
    """What a rule found: `message` says what is wrong and `fix` what to write instead, as sentences. `key`: the
    error is shown at the field's name and not at its value."""

    place: Place
    message: str
    fix: str
    key: bool = False


Problems = Iterator[Problem]


@dataclass(frozen=True)
class Found(Generic[T]):
    """A part of the file and its place."""

    value: T
    place: Place


@dataclass(frozen=True)
class Subject:
    """All documents of a file. `folder` is where its relative paths start; `records` are the hub's, of participants."""

    training: Found[FederatedTraining]
    policies: tuple[Found[ParticipantPolicy], ...]
    folder: File
    records: tuple[Found[ParticipantRecord], ...] = ()

    @property
    def spec(self) -> FederatedTrainingSpec:
        return self.training.value.spec

    def at(self, *steps: str | int) -> Place:
        """A place below the training's `spec`."""
        return self.training.place.at("spec", *steps)

    def resolve(self, uri: str) -> str:
        """The place as an absolute path, or unchanged if it is none."""
        return absolute(uri, self.folder)

    @property
    def participants(self) -> Iterator[Found[Participant]]:
        for number, participant in enumerate(self.spec.participants):
            yield Found(participant, self.at("participants", number))

    @property
    def metrics(self) -> Iterator[Found[Metric]]:
        """The hub's and the participants' metrics."""
        evaluation = self.spec.evaluation
        for name, where in (("hub", evaluation.hub), ("participants", evaluation.participants)):
            for number, metric in enumerate(where.metrics if where else ()):
                yield Found(metric, self.at("evaluation", name, "metrics", number))
