"""Warns of values that are valid but look like another unit, such as a fraction in a field of percents."""

from collections.abc import Iterator, Mapping, Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import Percentage
from fedtrain.plurals import several


def unit_warnings(spec: FederatedTrainingSpec, rows: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """`rows`: number of rows of each data set, of the participants for which it is known."""
    if spec.partitioning.strategy != "Percentage":
        return
    percent = spec.partitioning.parameters(Percentage).percent
    if percent >= 1:
        return
    yield (
        f"partitioning.percentage.percent is {percent:g}, which is {percent:g}% of each participant's samples"
        f"{_of_largest(spec, percent, rows)}. If you mean {percent * 100:g}%, write `{percent * 100:g}`."
    )


def _of_largest(spec: FederatedTrainingSpec, percent: float, rows: Mapping[str, Sequence[int]]) -> str:
    """`: 4 of 1,890 samples of zoo in each round`, for the participant with the most rows."""
    if not rows:
        return ""
    from fedtrain.partitioning.strategies.percentage import samples_of  # imports numpy, which takes a while
    from fedtrain.partitioning.validation_split import validation_count

    who = max(rows, key=lambda one: sum(rows[one]))
    training = sum(count - validation_count(count, spec.data.validation_fraction) for count in rows[who])
    return f": {samples_of(percent, training):,} of {several(training, 'sample')} of {who} in each round"
