"""Warns of a gate that is narrower than chance: with few rows, the accuracy of an adapter is known only roughly."""

from collections.abc import Iterator
from math import ceil, sqrt

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rules.evaluation import compares_answers
from fedtrain.plurals import several


def gate_warnings(spec: FederatedTrainingSpec, rows: int | None) -> Iterator[str]:
    """`rows`: number of rows of the hub's data; None if it is not known."""
    gate, hub = spec.evaluation.gate, spec.evaluation.hub
    if gate is None or hub is None or not rows:
        return
    limit = gate.max_regression
    error = sqrt(0.25 / rows)  # largest standard error of a fraction: that of one half
    shares = {metric.name for metric in hub.metrics if compares_answers(metric)}
    if gate.metric not in shares or limit >= error:
        return
    wide_enough = ceil(error * 1000) / 1000
    more = f", or use at least {several(ceil(round(0.25 / limit**2, 6)), 'row')}" if limit else ""
    yield (
        f"evaluation.gate.maxRegression is {limit:g}, but {gate.metric} on the hub's {several(rows, 'row')} has a "
        f"standard error of up to {error:.2g}, so rounds can be rolled back by chance. "
        f"Set it to {wide_enough:g} or more{more}."
    )
