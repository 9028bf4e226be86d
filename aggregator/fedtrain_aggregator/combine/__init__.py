"""The combine stage, one file per variant, and the weights of the updates."""

from fedtrain_aggregator.combine.base import Combination, Combine
from fedtrain_aggregator.combine.mean import Mean

__all__ = ["Combination", "Combine", "Mean"]
