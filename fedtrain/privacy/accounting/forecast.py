"""What the rounds of a run will cost."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.epsilon_of_releases import epsilon, fits
from fedtrain.privacy.accounting.release import Release


def after(spent: Mapping[Release, int], release: Release, times: int = 1) -> dict[Release, int]:
    """Return the releases `spent` and `times` more of `release`.

    >>> after({Release(1.0): 2}, Release(1.0))
    {Release(multiplier=1.0, sampling=AllRounds()): 3}
    """
    return {**spent, release: spent.get(release, 0) + times}


def epsilon_by_round(release: Release, rounds: int, delta: float) -> tuple[float, ...]:
    """Return the epsilon spent after each of `rounds` rounds. Raises AccountingError.

    >>> [round(one, 2) for one in epsilon_by_round(Release(1.0), rounds=3, delta=1e-5)]
    [4.38, 6.57, 8.39]
    """
    return tuple(epsilon({release: count}, delta) for count in range(1, rounds + 1))


def affordable_rounds(
    release: Release, budget: float, delta: float, most: int, spent: Mapping[Release, int] | None = None, steps: int = 1
) -> int:
    """Return how many further rounds of `steps` releases, up to `most`, fit into `budget` after the releases `spent`.
    Raises AccountingError.

    >>> affordable_rounds(Release(1.0), budget=8.0, delta=1e-5, most=20)
    2
    """
    fit, over = 0, most + 1
    while over - fit > 1:
        middle = (fit + over) // 2
        if fits(after(spent or {}, release, middle * steps), delta, budget):
            fit = middle
        else:
            over = middle
    return fit
