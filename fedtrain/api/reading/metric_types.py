"""The metrics that fedtrain computes, for an entry that names another one."""

from collections.abc import Mapping, Sequence
from typing import get_args

from fedtrain.api.evaluation import MetricType
from fedtrain.listing import listed

MEANINGS: Mapping[MetricType, str] = {
    "Loss": "mean loss of the answers' tokens",
    "Perplexity": "from the loss",
    "Choices": "how often the right one of a few answers is the most likely",
    "ExactMatch": "how often the generated answer matches; also needs `exactMatch: {pattern: ...}`",
}
NOT_COMPUTED = "is not a metric that fedtrain computes."


def is_metric_type(choices: Sequence[str]) -> bool:
    """Whether a field takes the types of metrics."""
    return set(choices) == set(get_args(MetricType))


def computed() -> str:
    """The types, each with its meaning."""
    return listed([f"`{word}` ({MEANINGS[word]})" for word in get_args(MetricType)], "or")
