"""How many samples each participant trains on in a round, and which: a strategy a file."""

from fedtrain.partitioning.streams import distinct, split_indices, window_indices

__all__ = ["distinct", "split_indices", "window_indices"]
