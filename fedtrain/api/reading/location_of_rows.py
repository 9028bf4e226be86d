"""Where a participant's rows are is not said in the training, under whatever name, but in its ParticipantPolicy."""

from fedtrain.api.base import Block
from fedtrain.api.data import Data, MixedDataset
from fedtrain.api.participants import Participant
from fedtrain.api.similar_words import plain_form

_LOCATIONS = {"path", "file", "url", "uri", "source", "location", "datafiles"}
_ROWS = {"data", "dataset", "datapath", "trainfile", "traindata", "datasetpath"}


def location_of_rows(block: type[Block], name: str) -> str | None:
    """Return what to do with a field that `block` does not have, because it says where rows are; else None."""
    plain = plain_form(name)
    if plain in _LOCATIONS and issubclass(block, Data | MixedDataset | Participant):
        return _AT_THE_OWNER
    return _AT_THE_OWNER if plain in _ROWS and issubclass(block, Participant) else None


_AT_THE_OWNER = (
    "Remove it; the ParticipantPolicy of each participant says where its rows are: `uri` of an item of `spec.datasets`"
)
