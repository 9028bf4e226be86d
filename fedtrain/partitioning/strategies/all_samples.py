"""All: each round is one full pass over the participant's data, n = N."""

from fedtrain.api.partitioning import Partitioning
from fedtrain.partitioning.situation import Situation, Want
from fedtrain.partitioning.strategy import Strategy


def _wants(_: Partitioning, situation: Situation) -> tuple[Want, ...]:
    return tuple(Want(candidate.population) for candidate in situation.candidates)


ALL = Strategy(_wants, whole_passes=True)
