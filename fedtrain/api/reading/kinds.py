"""The kinds of documents in a federation's file, and the fields that one kind has and another does not."""

from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.paths import Path, show
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.paths_of_fields import places
from fedtrain.api.shapes import field_at

KINDS: dict[str, type[Block]] = {
    "FederatedTraining": FederatedTraining,
    "ParticipantPolicy": ParticipantPolicy,
    "Participant": ParticipantRecord,
}
_LEAVES = {"rounds": "spec.rounds.count"}
"""The field that takes the value of another of this name, which is a block."""
_MOST_PLACES = 3
"""A field in more places than this, such as `name`, does not say which kind of document it is from."""


def moved_to_other_kind(root: type[Block], name: str, value: Any) -> str | None:
    """Return the fix for a field in a document of the kind `root` that only another kind has."""
    for kind, other in KINDS.items():
        found = [place for place in places(other, (name,)) if place[0] == "spec"]
        if other is not root and 0 < len(found) <= _MOST_PLACES:
            if kind == "FederatedTraining" and not is_map(value) and (leaf := _LEAVES.get(name)) is not None:
                return f"Remove it: a policy does not limit it. The FederatedTraining sets it, as `{leaf}`."
            if not is_map(value) and _is_block(other, min(found, key=len)):
                return None
            return f"Move it to the {kind}, {_within(other, min(found, key=len))}."
    return None


def _is_block(root: type[Block], place: Path) -> bool:
    field = field_at(root, place)
    return field is not None and field.shape.kind == "Map"


def _within(root: type[Block], place: Path) -> str:
    """`as spec.training.seed`, or where it is in the items of a list."""
    for end in range(1, len(place)):
        field = field_at(root, place[:end])
        if field is not None and field.shape.kind == "List":
            return f"as `{show(place[end:])}` of the {str(place[end - 1]).removesuffix('s')} in `{show(place[:end])}`"
    return f"as `{show(place)}`"
