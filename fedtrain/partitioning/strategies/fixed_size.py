"""FixedSize: the same number of samples for all participants, n = S."""

from fedtrain.api.partitioning import Partitioning
from fedtrain.api.partitioning_strategies import FixedSize
from fedtrain.partitioning.situation import Situation, Want
from fedtrain.partitioning.strategy import Strategy


def _wants(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    return tuple(Want(spec.parameters(FixedSize).samples) for _ in situation.candidates)


FIXED_SIZE = Strategy(_wants)
