"""The merge stage, one file per value of `spec.aggregation.merge`."""

from fedtrain.api.aggregation import Aggregation
from fedtrain_aggregator.merge.base import Merge
from fedtrain_aggregator.merge.factors import FACTORS
from fedtrain_aggregator.merge.freeze_a import FREEZE_A

__all__ = ["Merge", "merge_of"]

_MERGES = {merge.name: merge for merge in (FACTORS, FREEZE_A)}


def merge_of(aggregation: Aggregation) -> Merge:
    """Return the merge that `spec.aggregation` names."""
    return _MERGES[aggregation.merge]
