"""Strategies of the literature that fedtrain does not have, and what to do instead. Their names are similar to others,
which are other methods."""

from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES
from fedtrain.api.partitioning_strategies import PARTITIONING_STRATEGIES
from fedtrain.api.shapes import Shape, describe
from fedtrain.api.similar_words import plain_form

_AGGREGATION = (
    "fednova", "scaffold", "feddyn", "fedbn", "fedper", "fedrep", "fedmedian", "median", "trimmedmean", "fedtrimmedavg",
    "krum", "multikrum", "bulyan", "qfedavg", "fedsgd", "fedbuff", "fedasync", "moon", "ditto", "fedexp", "fedlion",
    "flora", "fedit",
)  # fmt: skip
_SPLITS = ("dirichlet", "noniid", "iid", "labelskew", "shards", "pathological")


def other_strategy(word: str, shape: Shape) -> str | None:
    """Return the fix for a strategy that fedtrain does not have; None for other words and fields."""
    if shape.choices == tuple(AGGREGATION_STRATEGIES) and plain_form(word) in _AGGREGATION:
        return f"Use {describe(shape)}."
    if shape.choices == tuple(PARTITIONING_STRATEGIES) and plain_form(word) in _SPLITS:
        return (
            "Use `strategy: All`: rows stay with their participants, and the strategy only chooses how many of them a "
            "round uses. To split one file into participants, with label skew or without, use `fedtrain split`."
        )
    return None
