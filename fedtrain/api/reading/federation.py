"""A whole federation as it was read from one file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.places import absolute


@dataclass(frozen=True, kw_only=True)
class Federation:
    """`policies` and `records` (the hub's, of participants) by participant."""

    path: Path
    training: FederatedTraining
    policies: Mapping[str, ParticipantPolicy]
    records: Mapping[str, ParticipantRecord]

    def resolve(self, uri: str) -> str:
        """Where `uri` is on this machine: relative paths start at the folder of the file; `s3://` stays as it is."""
        return absolute(uri, self.path.absolute().parent)
