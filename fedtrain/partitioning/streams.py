"""A participant's validation split and its endless stream of training samples.

The stream consists of passes over the training rows, each in a different order; sample t of the stream is in pass
t // population. A round trains on a window [start, start + samples) of the stream. Over consecutive windows, the uses
of two samples differ by at most one.
"""

from fractions import Fraction

import numpy as np

from fedtrain.partitioning.permutations import Rows, permutation


def validation_count(rows: int, fraction: float) -> int:
    """Return the number of held-out rows: floor(fraction * rows) in exact decimal arithmetic. At least one row is held
    out if fraction > 0, and at least one row remains for training."""
    if fraction == 0 or rows < 2:
        return 0
    return min(max(1, int(Fraction(str(fraction)) * rows)), rows - 1)


def split_indices(rows: int, fraction: float, seed: int, participant: str) -> tuple[Rows, Rows]:
    """Return the row numbers (train, validation) of a participant's `rows` rows: ascending, disjoint and complete.

    `fraction` is in [0, 1). The result is the same in every round of a run. Raises ValueError if out of range.
    """
    if rows < 0 or not 0 <= fraction < 1:
        raise ValueError(f"rows must be at least 0 and fraction in [0, 1), not {rows} and {fraction}")
    order = permutation(rows, "validation", seed, participant)
    held_out = validation_count(rows, fraction)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def window_indices(population: int, seed: int, participant: str, start: int, samples: int) -> Rows:
    """Return the positions among the `population` training rows, int64[samples], of samples [start, start + samples)
    of the participant's stream, in training order.

    Raises ValueError for a negative window, or for samples from an empty population.
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
    """Return the number of distinct rows in the window [start, start + samples): len(set(window_indices(...))).

    Permutations are computed only for a window that spans two passes and contains neither completely.
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
