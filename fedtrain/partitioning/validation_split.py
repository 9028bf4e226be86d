"""Which rows a participant holds out for validation."""

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
