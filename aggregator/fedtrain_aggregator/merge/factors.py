"""`merge: Factors`: A and B are averaged separately."""

from fedtrain_aggregator.merge.base import Merge

FACTORS = Merge("Factors", trains=lambda name: True, trained="tensors")
