"""Percentage: the same percentage of each participant's data, n = max(1, floor(p N)).

The percentage is an exact decimal number: 29% of 100 samples are 29, while 0.29 * 100 in binary floating point is less.
"""

from math import floor

from fedtrain.api.partitioning import Partitioning
from fedtrain.api.partitioning_strategies import Percentage
from fedtrain.partitioning.exact_numbers import exact
from fedtrain.partitioning.situation import Situation, Want
from fedtrain.partitioning.strategy import Strategy


def samples_of(percent: float, population: int) -> int:
    """Return the number of samples in a round of a participant that has `population`."""
    return max(1, floor(exact(percent) / 100 * population))


def _wants(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    percent = spec.parameters(Percentage).percent
    return tuple(Want(samples_of(percent, candidate.population)) for candidate in situation.candidates)


PERCENTAGE = Strategy(_wants)
