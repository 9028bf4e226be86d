"""Warning about a delta that is close to 1 / number of units."""

from collections.abc import Mapping
from math import floor, log10

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.plurals import several

MARGIN = 10
"""A delta above 1 / (MARGIN units) is large: releasing the data of one unit at random has delta 1 / units."""
USUAL_DELTA = 1e-5


def small_delta(units: int) -> float:
    """Return a power of ten that is small enough for this number of units.

    >>> small_delta(270), small_delta(200_000)
    (1e-05, 1e-07)
    """
    return min(USUAL_DELTA, 10.0 ** floor(log10(1 / (MARGIN * units))))


def large_delta(spec: FederatedTrainingSpec, rows: Mapping[str, int] | None = None) -> str | None:
    """Return the warning; None if delta is small enough, and without privacy. `rows`: with unit Example, the number of
    training rows of each participant."""
    if spec.privacy is None:
        return None
    delta = spec.privacy.budget.delta
    if spec.example_privacy is None:
        units, of = len(spec.participants), several(len(spec.participants), "participant")
    else:
        who, units = max((rows or {"": 0}).items(), key=lambda one: one[1])
        of = f"the {several(units, 'row')} of {who}"
    if delta * MARGIN * units <= 1:
        return None
    return (
        f"Warning: privacy.budget.delta is {delta:g}, which is large for {of}: revealing one of them at random has "
        f"delta {1 / units:.2g}. Set it to {small_delta(units):g} or less."
    )
