"""`spec.rounds`: how many rounds, and what a round needs."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Duration, NonNegativeInt


class Rounds(Block):
    """`count` is the horizon: schedules and partitions depend on it, so it never changes during a run.
    `deadline` is of one round's training; `min_participants` are the valid updates a round needs (all, if unset);
    `retries` are new attempts of a participant inside the deadline."""

    count: Annotated[Count, Field(le=10_000)]
    deadline: Duration = "2h"
    min_participants: Count | None = None
    retries: Annotated[NonNegativeInt, Field(le=100)] = 2
    below_minimum: Literal["Fail", "Skip"] = "Fail"
