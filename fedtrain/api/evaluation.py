"""`spec.evaluation`: what is measured, on the hub's held-out data and on each participant's validation split."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Name, Text

MetricType = Literal["Loss", "Perplexity", "Choices", "ExactMatch"]


class ExactMatch(Block):
    """The first group of `pattern` in the generated text must equal the one in the answer."""

    pattern: Text
    max_new_tokens: Annotated[Count, Field(le=8192)] = 256


class Metric(Block):
    """`Choices`: the share of rows whose right answer has the highest summed log-likelihood among the row's
    `choices`, or among all answers in the data."""

    name: Name
    type: MetricType
    exact_match: ExactMatch | None = None


Metrics = Annotated[tuple[Metric, ...], Field(min_length=1, max_length=16)]


class EvaluationData(Block):
    """Held-out rows in `spec.data.format`."""

    uri: Text


class HubEvaluation(Block):
    data: EvaluationData
    metrics: Metrics = (Metric(name="loss", type="Loss"),)


class ParticipantEvaluation(Block):
    metrics: Metrics = (Metric(name="loss", type="Loss"),)


class Evaluation(Block):
    """`every`: rounds between evaluations at the hub; the base and the last round are always measured."""

    every: Count = 1
    hub: HubEvaluation | None = None
    participants: ParticipantEvaluation | None = None
