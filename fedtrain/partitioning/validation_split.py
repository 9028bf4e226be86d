"""Which rows a participant holds out for validation."""

import numpy as np

from fedtrain.api.data import validation_count
from fedtrain.partitioning.permutations import Rows, permutation


def split_indices(rows: int, fraction: float, seed: int, participant: str) -> tuple[Rows, Rows]:
    """Return the row numbers (train, validation) of a participant's `rows` rows: ascending, disjoint and complete.

    `fraction` is in [0, 1). The result is the same in every round of a run. Raises ValueError if out of range.
    """
    if rows < 0 or not 0 <= fraction < 1:
        raise ValueError(f"rows must be at least 0 and fraction in [0, 1), not {rows} and {fraction}")
    order = permutation(rows, "validation", seed, participant)
    held_out = validation_count(rows, fraction)
    return np.sort(order[held_out:]), np.sort(order[:held_out])
