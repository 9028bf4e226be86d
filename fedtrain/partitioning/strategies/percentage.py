"""Percentage: the same share of each participant's own data, n = max(1, floor(p N)).

The percentage is taken as the decimal number that was written: 29% of 100 samples are 29, which 0.29 * 100 in binary
floating point is not.
"""

from math import floor

from fedtrain.api.partitioning import Partitioning
from fedtrain.partitioning.situation import Situation, Want, exact
from fedtrain.partitioning.strategy import Strategy


def _wants(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    if spec.percentage is None:
        raise ValueError("partitioning.percentage.percent is missing")
    share = exact(spec.percentage.percent) / 100
    return tuple(Want(max(1, floor(share * candidate.population))) for candidate in situation.candidates)


PERCENTAGE = Strategy(_wants)
