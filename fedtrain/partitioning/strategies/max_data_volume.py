"""MaxDataVolume: the same number for all participants, such that the largest one uses its data once over the run:
n = ceil(max_j N_j / R), R the number of rounds. `onExhausted` applies to participants with less data.
"""

from fedtrain.api.partitioning import Partitioning
from fedtrain.partitioning.situation import Situation, Want
from fedtrain.partitioning.strategy import Strategy


def _wants(_: Partitioning, situation: Situation) -> tuple[Want, ...]:
    largest = max((candidate.population for candidate in situation.candidates), default=0)
    return tuple(Want(-(-largest // situation.rounds)) for _ in situation.candidates)


MAX_DATA_VOLUME = Strategy(_wants)
