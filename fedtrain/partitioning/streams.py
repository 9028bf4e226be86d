"""A participant's endless stream of training samples.

The stream consists of passes over the training rows, each in a different order; sample t of the stream is in pass
t // population. A round trains on a window [start, start + samples) of the stream. Over consecutive windows, the uses
of two samples differ by at most one.
"""

import numpy as np

from fedtrain.partitioning.permutations import Rows, permutation
from fedtrain.plurals import several


def stream_of(participant: str, dataset: str | None = None) -> str:
    """Return the name of a stream in seeds. `dataset`: of a mix; each has a stream."""
    return participant if dataset is None else f"{participant}/{dataset}"


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
        raise ValueError(f"no window of {several(samples, 'sample')} from {start} over {several(population, 'row')}")
