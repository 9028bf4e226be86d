"""`spec.evaluation`: metrics on the hub's held-out data and on each participant's validation split."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Name, NonNegativeFloat, Text, Union
from fedtrain.api.participants import Compute
from fedtrain.api.storage import S3Access

MAX_CHOICES = 100
"""Answers that the metric Choices compares at most, for rows without choices of their own."""
MetricType = Literal["Loss", "Perplexity", "Choices", "ExactMatch"]


class ExactMatch(Block):
    """Compares generated text with the answer."""

    pattern: Text
    """Regular expression with one group. The group must be equal in the generated text and in the answer."""
    max_new_tokens: Annotated[Count, Field(le=8192)] = 256
    """Maximum number of generated tokens."""


class Metric(Block):
    """A metric to compute."""

    unions: ClassVar[tuple[Union, ...]] = (Union(discriminator="type", required={"ExactMatch": "exactMatch"}),)

    name: Name
    """Name of the metric in status, reports and records."""
    type: MetricType
    """`Loss`: mean loss per answer token. `Perplexity`: exponential of the loss. `Choices`: fraction of rows whose
    correct answer is the most likely of the row's `choices`, or of all answers in the data. `ExactMatch`: fraction of
    rows whose generated text matches the answer."""
    exact_match: ExactMatch | None = None
    """Parameters of ExactMatch. Only with type ExactMatch."""


Metrics = Annotated[tuple[Metric, ...], Field(min_length=1, max_length=16)]


class EvaluationData(Block):
    """Held-out rows, in `spec.data.format`."""

    uri: Text
    """Location: a JSONL, JSON, CSV or Parquet file (also with .gz), a folder of such files, a Hugging Face data set on
    disk, or `s3://bucket/key`."""
    s3: S3Access | None = None
    """Server and credentials of the bucket in `uri`. Only with `s3://`."""


class HubEvaluation(Block):
    """Evaluation of the global adapters at the hub."""

    data: EvaluationData
    """Held-out data of the hub."""
    compute: Compute = Compute()
    """Compute resources of the evaluation; one node. With `fedtrain run`, the GPUs of the machine are used."""
    metrics: Metrics = (Metric(name="loss", type="Loss"),)
    """Metrics to compute."""
    samples: Annotated[Count, Field(le=32)] | None = None
    """Number of prompts, spread over the hub's data, to generate an answer for at each evaluation: greedy, at most 64
    tokens. Prompts and answers are in the ledger and the report. No answers are generated if omitted."""


class ParticipantEvaluation(Block):
    """Evaluation of each received adapter, and of the final one, on the participant's validation rows."""

    metrics: Metrics = (Metric(name="loss", type="Loss"),)
    """Metrics to compute."""


class Gate(Block):
    """Rolls a round back if its adapter is worse on the hub's data than the best adapter so far."""

    metric: Name
    """Name of one of the metrics in `evaluation.hub.metrics`."""
    max_regression: NonNegativeFloat = 0.0
    """Allowed difference to the best value so far, in the metric's unit: 0.02 of an accuracy is 2 percentage points."""
    on_regression: Literal["RollBack", "Halt"] = "RollBack"
    """`RollBack`: the round ends with the adapter and the server state of the previous round, and the run continues.
    `Halt`: the run also ends, with that adapter."""
    max_consecutive: Count = 3
    """Number of rounds rolled back in a row at which the run ends. Only with onRegression RollBack."""

    @property
    def limit(self) -> int:
        """Number of rounds rolled back in a row at which the run ends."""
        return self.max_consecutive if self.on_regression == "RollBack" else 1


class Evaluation(Block):
    """Evaluation of the adapters."""

    every: Count = 1
    """Interval, in rounds, between evaluations at the hub. The base and the last round are always evaluated."""
    hub: HubEvaluation | None = None
    """Evaluation on held-out data of the hub. Disabled if omitted."""
    participants: ParticipantEvaluation | None = None
    """Evaluation on each participant's validation rows. Disabled if omitted."""
    gate: Gate | None = None
    """Condition on the hub's metric that the adapter of each round must meet. Requires `every: 1`. Every adapter is
    accepted if omitted."""
