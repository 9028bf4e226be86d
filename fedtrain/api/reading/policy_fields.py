"""Fields of a training that belong to the ParticipantPolicies: where a participant's rows are, and how its pods run."""

from fedtrain.api.base import Block
from fedtrain.api.data import Data, MixedDataset
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.participants import Participant
from fedtrain.api.pods import Pods
from fedtrain.api.shapes import fields_of
from fedtrain.api.similar_words import plain_form

_LOCATIONS = {"path", "file", "url", "uri", "source", "location", "datafiles"}
_ROWS = {"data", "dataset", "datapath", "trainfile", "traindata", "datasetpath"}


def of_the_policy(block: type[Block], name: str) -> str | None:
    """Return what to do with a field that `block` does not have, because policies have it; None for other fields."""
    plain = plain_form(name)
    if plain in _LOCATIONS and issubclass(block, Data | MixedDataset | Participant):
        return _AT_THE_OWNER
    if not issubclass(block, Participant):
        return None
    if plain in _ROWS:
        return _AT_THE_OWNER
    for inner, place in ((Pods, "spec.pods"), (ParticipantPolicySpec, "spec")):
        if name in fields_of(inner):
            return f"Remove it, and write `{name}` in `{place}` of the participant's ParticipantPolicy"
    return None


_AT_THE_OWNER = (
    "Remove it; the ParticipantPolicy of each participant says where its rows are: `uri` of an item of `spec.datasets`"
)
