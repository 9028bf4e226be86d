"""Number and choice of the samples that each participant trains on in a round. One file per strategy."""

from fedtrain.partitioning.partition import partition, situation
from fedtrain.partitioning.situation import Candidate, Share, Situation
from fedtrain.partitioning.streams import distinct, window_indices
from fedtrain.partitioning.validation_split import split_indices

__all__ = [
    "Candidate",
    "Share",
    "Situation",
    "distinct",
    "partition",
    "situation",
    "split_indices",
    "window_indices",
]
