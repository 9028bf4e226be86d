"""Number and choice of the samples that each participant trains on in a round. One file per strategy."""

from fedtrain.partitioning.partition import distinct_rows, partition, situation
from fedtrain.partitioning.positions import Positions, positions_of
from fedtrain.partitioning.situation import Candidate, Share, Situation
from fedtrain.partitioning.streams import distinct, stream_of, window_indices
from fedtrain.partitioning.validation_split import split_indices

__all__ = [
    "Candidate",
    "Positions",
    "Share",
    "Situation",
    "distinct",
    "distinct_rows",
    "partition",
    "positions_of",
    "situation",
    "split_indices",
    "stream_of",
    "window_indices",
]
