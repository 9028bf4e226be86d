"""FixedSize: the same number of samples for all participants, n = S."""

from fedtrain.api.partitioning import Partitioning
from fedtrain.partitioning.situation import Situation, Want
from fedtrain.partitioning.strategy import Strategy


def _wants(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    if spec.fixed_size is None:
        raise ValueError("partitioning.fixedSize.samples is missing")
    return tuple(Want(spec.fixed_size.samples) for _ in situation.candidates)


FIXED_SIZE = Strategy(_wants)
