"""Warns of values that are valid but look like another unit, such as a fraction in a field of percents."""

from collections.abc import Iterator, Mapping

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import Percentage
from fedtrain.partitioning.strategies.percentage import samples_of
from fedtrain.plurals import several


def unit_warnings(spec: FederatedTrainingSpec, training_rows: Mapping[str, int]) -> Iterator[str]:
    """`training_rows`: number of training rows of the participants for which it is known."""
    if spec.partitioning.strategy != "Percentage":
        return
    percent = spec.partitioning.parameters(Percentage).percent
    if percent >= 1:
        return
    largest = max(training_rows, key=lambda who: training_rows[who], default=None)
    example = ""
    if largest is not None:
        rows = training_rows[largest]
        example = f": {samples_of(percent, rows):,} of {several(rows, 'sample')} of {largest} in each round"
    yield (
        f"partitioning.percentage.percent is {percent:g}, which is {percent:g}% of each participant's samples{example}."
        f" If you mean {percent * 100:g}%, write {percent * 100:g}."
    )
