"""A whole federation as it was read from one file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.paths import Path as FieldPath
from fedtrain.api.places import absolute
from fedtrain.api.reading.errors import FieldError


@dataclass(frozen=True, kw_only=True)
class Federation:
    """`policies` and `records` (the hub's, of participants) by participant. `error_at` makes an error of a field of the
    training: path, message, fix."""

    path: Path
    training: FederatedTraining
    policies: Mapping[str, ParticipantPolicy]
    records: Mapping[str, ParticipantRecord]
    error_at: Callable[[FieldPath, str, str], FieldError] = field(compare=False, repr=False)

    def resolve(self, uri: str) -> str:
        """Where `uri` is on this machine: relative paths start at the folder of the file; `s3://` stays as it is."""
        return absolute(uri, self.path.absolute().parent)
