"""`spec.rounds`: how many rounds, and what a round needs."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Duration, NonNegativeInt


class Rounds(Block):
    """How many rounds, and what a round needs."""

    count: Annotated[Count, Field(le=10_000)]
    """The horizon: schedules and partitions depend on it, so it never changes during a run."""
    deadline: Duration = "2h"
    """Of one round's training; the hub's own jobs of a round have twice as long. Time in which no work could go on does
    not count."""
    min_participants: Count | None = None
    """The valid updates that a round needs; those of all participants if left out."""
    retries: Annotated[NonNegativeInt, Field(le=100)] = 2
    """New attempts of a participant, inside the deadline."""
    below_minimum: Literal["Fail", "Skip"] = "Fail"
    """What happens to a round with fewer updates: the run fails, or the round is skipped."""
