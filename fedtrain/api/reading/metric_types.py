"""The metrics that fedtrain computes, for an entry that names another one."""

from collections.abc import Sequence

from fedtrain.listing import listed

_COMPUTED = {
    "Loss": "mean loss of the answers' tokens",
    "Perplexity": "from the loss",
    "Choices": "how often the right one of a few answers is the most likely",
    "ExactMatch": "how often the generated answer matches; also needs `exactMatch: {pattern: ...}`",
}
NOT_COMPUTED = "is not a metric that fedtrain computes."


def is_metric_type(choices: Sequence[str]) -> bool:
    return set(choices) == set(_COMPUTED)


def computed() -> str:
    """The types, each with its meaning."""
    return listed([f"`{word}` ({meaning})" for word, meaning in _COMPUTED.items()], "or")
