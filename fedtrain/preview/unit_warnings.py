"""Warns of values that are valid but look like another unit or a slip, such as a fraction in a field of percents."""

from collections.abc import Iterator, Mapping, Sequence

from fedtrain.api.aggregation_strategies import FedAdagrad, FedAdam, FedYogi
from fedtrain.api.base import seconds
from fedtrain.api.data import validation_count
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import Percentage
from fedtrain.plurals import several

LARGE_FRACTION = 0.5
USUAL_RATES = (1e-7, 0.1)
"""Learning rates of AdamW outside of this range train nothing, or diverge."""
LEAST_SGD_RATE = 1e-3
"""With a smaller learning rate, SGD hardly moves an adapter: it does not scale steps to a usual size, as AdamW does."""
LARGE_SERVER_RATE = 1.0
"""Adaptive strategies move each value by about the server's learning rate, and values of an adapter are far below 1."""
_ADAPTIVE: Mapping[str, type[FedAdam | FedAdagrad | FedYogi]] = {
    "FedAdam": FedAdam,
    "FedAdagrad": FedAdagrad,
    "FedYogi": FedYogi,
}
USUAL_GAIN = 100
"""Server's learning rate / tau of FedAdam's defaults. Up to it, a large tau makes a large learning rate harmless."""
LARGE_LOSS = 10.0
"""Losses that a base model has are smaller: a guess among 22,000 tokens has this one."""
SHORT_DEADLINE = 10.0
"""Seconds that starting a trainer alone takes."""


def unit_warnings(spec: FederatedTrainingSpec, rows: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """`rows`: number of rows of each data set, of the participants for which it is known."""
    yield from _percent(spec, rows)
    yield from _large_fractions(spec)
    yield from _learning_rate(spec)
    yield from _server_learning_rate(spec)
    yield from _loss_regression(spec)
    yield from _deadline(spec)
    yield from _median_factor(spec)


def _percent(spec: FederatedTrainingSpec, rows: Mapping[str, Sequence[int]]) -> Iterator[str]:
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

    who = max(rows, key=lambda one: sum(rows[one]))
    training = sum(count - validation_count(count, spec.data.validation_fraction) for count in rows[who])
    return f": {samples_of(percent, training):,} of {several(training, 'sample')} of {who} in each round"


def _large_fractions(spec: FederatedTrainingSpec) -> Iterator[str]:
    fields = (
        ("data.validationFraction", spec.data.validation_fraction, "of each participant's rows are not trained on"),
        ("training.warmupRatio", spec.training.warmup_ratio, "of the run trains with a rising learning rate"),
        ("model.adapter.dropout", spec.model.adapter.dropout, "of the adapter's inputs are dropped in training"),
    )
    for field, value, effect in fields:
        if value > LARGE_FRACTION:
            name = field.rpartition(".")[2]
            yield f"{field} is {value:g}: {value * 100:g}% {effect}. If you mean {100 - value * 100:g}%, write " + (
                f"`{name}: {1 - value:.4g}`."
            )


def _learning_rate(spec: FederatedTrainingSpec) -> Iterator[str]:
    own = ((f"participant {one.name}: training.learningRate", one.training.learning_rate) for one in spec.participants)
    least, most = USUAL_RATES
    for field, rate in (("training.learningRate", spec.training.learning_rate), *own):
        if spec.training.optimizer == "SGD" and rate is not None and rate < LEAST_SGD_RATE:
            yield (
                f"{field} is {rate:g}, so small that SGD learns almost nothing: such rates are for AdamW. Usual "
                "with SGD are `0.01` to `10`; or write `optimizer: AdamW`."
            )
        if spec.training.optimizer != "AdamW" or rate is None or least <= rate < most:
            continue
        effect = "so large that training usually diverges" if rate >= most else "so small that nothing is learned"
        yield f"{field} is {rate:g}, {effect}. Usual with AdamW are `1e-5` to `1e-3`; check the exponent."


def _server_learning_rate(spec: FederatedTrainingSpec) -> Iterator[str]:
    strategy = spec.aggregation.strategy
    if (kind := _ADAPTIVE.get(strategy)) is None:
        return
    parameters, usual = spec.aggregation.parameters(kind), kind()
    rate = parameters.server_learning_rate
    if rate >= LARGE_SERVER_RATE and rate > USUAL_GAIN * parameters.tau:
        yield (
            f"aggregation.{strategy[0].lower()}{strategy[1:]}.serverLearningRate is {rate:g}: {strategy} can move each "
            "value of the adapter by about as much in a round, and such values are far below 1, so training usually "
            f"diverges. The default is {usual.server_learning_rate:g}."
        )


def _loss_regression(spec: FederatedTrainingSpec) -> Iterator[str]:
    gate, hub = spec.evaluation.gate, spec.evaluation.hub
    if gate is None or hub is None or gate.max_regression < LARGE_LOSS:
        return
    types = {metric.name: metric.type for metric in hub.metrics}
    if types.get(gate.metric) == "Loss":
        yield (
            f"evaluation.gate.maxRegression is {gate.max_regression:g}, but {gate.metric} is a loss, and losses are "
            "usually between 0 and 10, so no round is rolled back. Write the largest increase that you accept, such "
            "as `0.05`."
        )


def _deadline(spec: FederatedTrainingSpec) -> Iterator[str]:
    if 0 < seconds(spec.rounds.deadline) < SHORT_DEADLINE:
        yield (
            f"rounds.deadline is {spec.rounds.deadline}, but starting the trainer alone can take {SHORT_DEADLINE:g} "
            "seconds, so a round can end before any participant finishes. Write a longer time, such as `30m` or `2h`."
        )


def _median_factor(spec: FederatedTrainingSpec) -> Iterator[str]:
    bound = spec.aggregation.max_update_norm
    if bound is not None and bound.factor is not None and bound.factor <= 1:
        yield (
            f"aggregation.maxUpdateNorm.factor is {bound.factor:g}, but about half of all updates are larger than the "
            "median, so they are quarantined in every round. Set it to more than 1, such as `10`."
        )
