"""What controllers report in the `status` of their objects: small, and never what a decision is made from."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from fedtrain.api.base import Block, Count, Instant, Name, NonNegativeFloat, NonNegativeInt

Message = Annotated[str, Strict(), Field(max_length=1024)]
ShortText = Annotated[str, Strict(), Field(max_length=128)]


class Condition(Block):
    """One thing that holds or doesn't, and why, as all of Kubernetes' conditions are."""

    type: ShortText
    """What it is about, such as `Ready`."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: ShortText
    """Machine-readable reason in CamelCase."""
    message: Message
    """Human-readable details."""
    last_transition_time: Instant
    """When `status` changed last."""
    observed_generation: NonNegativeInt | None = None
    """Generation of the spec that the status describes."""


Conditions = Annotated[tuple[Condition, ...], Field(max_length=16)]


class Elapsed(Block):
    """Time in which a round's work could go on; it is kept here, so that a new coordinator goes on counting."""

    round: NonNegativeInt
    """The round."""
    epoch: Count
    """The run's failures before it, plus one; time starts anew in each."""
    seconds: NonNegativeFloat
    """What has passed."""


class LeftOut(Block):
    """A participant whose update a round goes without."""

    participant: Name
    """Its name."""
    reason: Annotated[str, Strict(), Field(max_length=256)]
    """Why: it never answered, or what was wrong with its update."""


class RoundStatus(Block):
    """How one round ended; the ledger has the rest."""

    round: NonNegativeInt
    """Its number; 0 is the adapter to start from."""
    outcome: ShortText
    """`Committed` or `Skipped`."""
    participants: ShortText
    """Updates in, of how many: `3/4`."""
    metric: ShortText | None = None
    """The first metric, such as `accuracy 81.2%`."""
    left_out: Annotated[tuple[LeftOut, ...], Field(max_length=16)] = ()
    """Whose updates are missing; at most 16."""


class FederatedTrainingStatus(Block):
    """Where the run is."""

    observed_generation: NonNegativeInt | None = None
    """Generation of the spec that the status describes."""
    phase: ShortText | None = None
    """What the coordinator does: `Pending`, `Training`, `Aggregating`, `Succeeded`, ..."""
    message: Message | None = None
    """What it waits for, or why it ended."""
    round: NonNegativeInt | None = None
    """The round that is worked on."""
    step: NonNegativeInt | None = None
    """Rounds that were committed."""
    participants: ShortText | None = None
    """Updates in, of how many, this round: `3/4`."""
    metric: ShortText | None = None
    """The first metric after the last round."""
    acknowledged: NonNegativeInt | None = None
    """Failures of the run that were gone on from."""
    elapsed: Elapsed | None = None
    """Of the round's deadline."""
    last_rounds: Annotated[tuple[RoundStatus, ...], Field(max_length=5)] = ()
    """The newest five, the newest last."""
    conditions: Conditions = ()
    """Current conditions."""


class TrainingTaskStatus(Block):
    """How the work goes; written by the participant alone."""

    observed_generation: NonNegativeInt | None = None
    """Generation of the spec that the status describes."""
    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Refused", "Cancelled"] | None = None
    """`Refused`: the participant's policy, or its data, say no; another try would not help."""
    reason: ShortText | None = None
    """Machine-readable reason in CamelCase."""
    message: Message | None = None
    """Human-readable details."""
    retryable: bool | None = None
    """After `Failed`: whether another try may help."""
    started_at: Instant | None = None
    """When its pods were first seen running."""
    ended_at: Instant | None = None
    """When it was seen to have ended."""
    conditions: Conditions = ()
    """Current conditions."""
