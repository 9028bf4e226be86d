"""`spec.rounds`: number of rounds, and the conditions for a round to succeed."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Duration, Name, NonNegativeInt


class EarlyStopping(Block):
    """Ends the run when the adapter no longer improves on the hub's data."""

    metric: Name
    """Name of one of the metrics in `evaluation.hub.metrics`."""
    patience: Count = 3
    """Number of evaluations in a row without a new best value after which the run ends. The base model's value is the
    first."""


class Rounds(Block):
    """Number of rounds, and the conditions for a round to succeed."""

    count: Annotated[Count, Field(le=10_000)]
    """Number of rounds. Immutable during a run, because schedules and partitions depend on it."""
    deadline: Duration = "2h"
    """Time limit for the training of one round. The hub's jobs of a round have twice as long. Time during which no work
    can run does not count."""
    min_participants: Count | None = None
    """Minimum number of valid updates per round. Defaults to the number of participants."""
    retries: Annotated[NonNegativeInt, Field(le=100)] = 2
    """Maximum number of retries per participant and round, within the deadline."""
    below_minimum: Literal["Fail", "Skip"] = "Fail"
    """Action for a round with fewer than `minParticipants` updates. `Fail`: the run fails. `Skip`: the round is
    skipped."""
    early_stopping: EarlyStopping | None = None
    """Condition that ends the run before its last round. All rounds take place if omitted."""
