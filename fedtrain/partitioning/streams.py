"""Which rows a participant trains on: its validation split, and its endless stream of training samples.

The stream is one pass over the training rows after another, each in an order of its own; sample t of the stream is in
pass t // population. A round trains on a window [start, start + samples) of the stream, so windows that follow each
other use every sample equally often, give or take one.
"""

from fractions import Fraction

import numpy as np

from fedtrain.partitioning.permutations import Rows, permutation


def validation_count(rows: int, fraction: float) -> int:
    """Rows that are held out: floor(fraction * rows), the decimal number that was written taken exactly; at least
    one if any is asked for, and at least one row stays for training."""
    if fraction == 0 or rows < 2:
        return 0
    return min(max(1, int(Fraction(str(fraction)) * rows)), rows - 1)


def split_indices(rows: int, fraction: float, seed: int, participant: str) -> tuple[Rows, Rows]:
    """Row numbers (train, validation) of a participant's `rows` rows, ascending, disjoint and complete.

    `fraction` in [0, 1). The same for every round of a run. Raises ValueError when out of range.
    """
    if rows < 0 or not 0 <= fraction < 1:
        raise ValueError(f"rows must be at least 0 and fraction in [0, 1), not {rows} and {fraction}")
    order = permutation(rows, "validation", seed, participant)
    held_out = validation_count(rows, fraction)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def window_indices(population: int, seed: int, participant: str, start: int, samples: int) -> Rows:
    """Positions among the `population` training rows, int64[samples], of samples [start, start + samples) of the
    participant's stream, in the order in which they are to be trained on.

    Raises ValueError for a negative window, or samples of an empty population.
    """
    _check(population, start, samples)
    if samples == 0:
        return np.empty(0, dtype=np.int64)
    pieces: list[Rows] = []
    end = start + samples
    for number in range(start // population, (end - 1) // population + 1):
        first = number * population
        order = permutation(population, "pass", seed, participant, number)
        pieces.append(order[max(start - first, 0) : min(end - first, population)])
    return np.concatenate(pieces)


def distinct(population: int, seed: int, participant: str, start: int, samples: int) -> int:
    """How many different rows the window [start, start + samples) has: len(set(window_indices(...))).

    Permutations are made only for a window that spans two passes and holds neither of them whole.
    """
    _check(population, start, samples)
    if samples == 0:
        return 0
    offset = start % population
    if offset + samples <= population:
        return samples
    if offset == 0 or offset + samples >= 2 * population:
        return population
    seen = np.zeros(population, dtype=np.bool_)
    seen[window_indices(population, seed, participant, start, samples)] = True
    return int(np.count_nonzero(seen))


def _check(population: int, start: int, samples: int) -> None:
    if start < 0 or samples < 0 or population < 0 or (population == 0 and samples > 0):
        raise ValueError(f"no window of {samples} samples from {start} over {population} rows")
