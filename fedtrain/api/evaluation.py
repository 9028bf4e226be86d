"""`spec.evaluation`: what is measured, on the hub's held-out data and on each participant's validation split."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Name, Text, Union
from fedtrain.api.participants import Compute

MetricType = Literal["Loss", "Perplexity", "Choices", "ExactMatch"]


class ExactMatch(Block):
    """Generated text against the answer."""

    pattern: Text
    """A regular expression with one group, which must be equal in the generated text and the answer."""
    max_new_tokens: Annotated[Count, Field(le=8192)] = 256
    """Where generating stops."""


class Metric(Block):
    """One number that is measured."""

    unions: ClassVar[tuple[Union, ...]] = (Union(discriminator="type", required={"ExactMatch": "exactMatch"}),)

    name: Name
    """What it is called in status, reports and records."""
    type: MetricType
    """`Loss` a token of the answers; `Perplexity`; `Choices`: the share of rows whose right answer is the likeliest of
    the row's `choices`, or of all answers in the data; `ExactMatch` of generated text."""
    exact_match: ExactMatch | None = None
    """Only with type ExactMatch."""


Metrics = Annotated[tuple[Metric, ...], Field(min_length=1, max_length=16)]


class EvaluationData(Block):
    """Held-out rows, in `spec.data.format`."""

    uri: Text
    """A JSONL or Parquet file, a folder of those, a Hugging Face data set on disk, or `s3://bucket/key`."""


class HubEvaluation(Block):
    """What the hub measures of every global adapter."""

    data: EvaluationData
    """Held-out rows of the hub."""
    compute: Compute = Compute()
    """What it measures on: one node. On one machine, its GPUs are those of the machine."""
    metrics: Metrics = (Metric(name="loss", type="Loss"),)
    """Metrics to compute."""


class ParticipantEvaluation(Block):
    """What each participant measures of the adapter that it receives, on its validation rows; of the last one too."""

    metrics: Metrics = (Metric(name="loss", type="Loss"),)
    """Metrics to compute."""


class Evaluation(Block):
    """What is measured."""

    every: Count = 1
    """Rounds between evaluations at the hub; the base and the last round are always measured."""
    hub: HubEvaluation | None = None
    """On held-out rows of the hub; nothing if left out."""
    participants: ParticipantEvaluation | None = None
    """On each participant's validation rows; nothing if left out."""
