"""Warns of a gate that is narrower than chance: with few rows, the accuracy of an adapter is known only roughly."""

from collections.abc import Iterator
from math import ceil, sqrt

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rules.evaluation import compares_answers
from fedtrain.plurals import several


def gate_warnings(spec: FederatedTrainingSpec, rows: int | None) -> Iterator[str]:
    """`rows`: number of rows of the hub's data; None if it is not known. `maxRegression: 0` in the file is a decision:
    every adapter that is worse is rejected, also by chance."""
    gate, hub = spec.evaluation.gate, spec.evaluation.hub
    if gate is None or hub is None or not rows:
        return
    limit = gate.max_regression
    error = sqrt(0.25 / rows)  # largest standard error of a fraction: that of one half
    shares = {metric.name for metric in hub.metrics if compares_answers(metric)}
    is_set = "max_regression" in gate.model_fields_set
    if gate.metric not in shares or limit >= error or (is_set and limit == 0):
        return
    wide_enough = ceil(error * 1000) / 1000
    more = ". With `maxRegression: 0`, every adapter that is worse is rejected"
    if limit:
        more = f", or use at least {several(ceil(round(0.25 / limit**2, 6)), 'row')}"
    value = f"{limit:g}" if is_set else "not set"
    yield (
        f"evaluation.gate.maxRegression is {value}, but {gate.metric} on the hub's {several(rows, 'row')} has a "
        f"standard error of up to {error:.2g}, so rounds can be rolled back by chance. "
        f"Set it to `{wide_enough:g}` or more{more}."
    )
