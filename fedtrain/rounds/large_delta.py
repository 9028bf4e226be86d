"""Warning about a delta that is close to 1 / number of units."""

from collections.abc import Mapping

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.plurals import several
from fedtrain.privacy.accounting import is_small_delta, small_delta


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
    if is_small_delta(delta, units):
        return None
    return (
        f"Warning: privacy.budget.delta is {delta:g}, which is large for {of}: revealing one of them at random has "
        f"delta {1 / units:.2g}. Set it to {small_delta(units):g} or less."
    )
