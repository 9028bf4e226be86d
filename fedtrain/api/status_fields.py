"""Status that controllers report on their objects. It is small, and no decision depends on it."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from fedtrain.api.base import Block, Count, Instant, Name, NonNegativeFloat, NonNegativeInt

Message = Annotated[str, Strict(), Field(max_length=1024)]
ShortText = Annotated[str, Strict(), Field(max_length=128)]
LOG_LINES = 40
LONGEST_LINE = 300
LogTail = Annotated[str, Strict(), Field(max_length=LOG_LINES * (LONGEST_LINE + 1))]


class Condition(Block):
    """One aspect of the current state, in the form of Kubernetes conditions."""

    type: ShortText
    """Type of the condition, such as `Schedulable`."""
    status: Literal["True", "False", "Unknown"]
    """Status of the condition."""
    reason: ShortText
    """Machine-readable reason in CamelCase."""
    message: Message
    """Human-readable details."""
    last_transition_time: Instant
    """Time of the last change of `status`."""
    observed_generation: NonNegativeInt | None = None
    """Generation of the spec that the status describes."""


Conditions = Annotated[tuple[Condition, ...], Field(max_length=16)]


class Elapsed(Block):
    """Time during which work of a round could run. Stored here, so that a new coordinator continues counting."""

    round: NonNegativeInt
    """Number of the round."""
    epoch: Count
    """Number of previous failures of the run, plus one. Elapsed time restarts in each."""
    seconds: NonNegativeFloat
    """Elapsed time in seconds."""


class LeftOut(Block):
    """A participant whose update is not part of a round."""

    participant: Name
    """Name of the participant."""
    reason: Annotated[str, Strict(), Field(max_length=512)]
    """Reason: no update arrived, or the update was invalid."""
    code: ShortText | None = None
    """Machine-readable reason in CamelCase, such as `Silent`, if it lasts beyond the round."""
    row_share: ShortText | None = None
    """Share of this participant in the training rows of all participants, such as `38%`."""


class RoundStatus(Block):
    """Summary of a finished round. The ledger has the details."""

    round: NonNegativeInt
    """Number of the round. Round 0 creates the initial adapter."""
    outcome: ShortText
    """Outcome: `Initial` (round 0), `Committed`, `Skipped` or `RolledBack`."""
    participants: ShortText
    """Number of updates received and expected, such as `3/4`."""
    metric: ShortText | None = None
    """Value of the first metric, such as `accuracy 81.2%`. For a round that was rolled back, see `reason`."""
    reason: Annotated[str, Strict(), Field(max_length=256)] | None = None
    """Why the round was rolled back."""
    left_out: Annotated[tuple[LeftOut, ...], Field(max_length=16)] = ()
    """Participants without a valid update; at most 16."""


class PrivacyStatus(Block):
    """Privacy loss of the run so far."""

    epsilon: ShortText
    """Epsilon spent and budget, such as `4.38 of 8`."""
    summary: ShortText
    """Epsilon with its terms in short, for `kubectl get`."""
    delta: NonNegativeFloat
    """Probability with which the loss may exceed epsilon."""
    unit: ShortText
    """What is protected: Participant (all data of one participant) or Example (one row of one participant)."""
    relation: ShortText
    """Neighbouring relation: which two runs are hard to tell apart."""
    trust: ShortText
    """Who is trusted with what."""
    accountant: ShortText
    """Method by which epsilon is computed."""
    participants: Message | None = None
    """With unit Example: epsilon of each participant's rows, such as `a 4.38, b 3.1`. `epsilon` is the largest."""


class FederatedTrainingStatus(Block):
    """Current status of the run."""

    observed_generation: NonNegativeInt | None = None
    """Generation of the spec that the status describes."""
    phase: ShortText | None = None
    """Phase of the run: `Pending`, `Training`, `Aggregating`, `Succeeded`, ..."""
    message: Message | None = None
    """Human-readable message: the reason for waiting, or for the end of the run."""
    round: NonNegativeInt | None = None
    """Number of the current round."""
    step: NonNegativeInt | None = None
    """Number of committed rounds."""
    participants: ShortText | None = None
    """Number of updates received and expected in this round, such as `3/4`."""
    metric: ShortText | None = None
    """Value of the first metric of the newest adapter that was measured and not rejected."""
    privacy: PrivacyStatus | None = None
    """Privacy loss so far. Only with `spec.privacy`."""
    acknowledged: NonNegativeInt | None = None
    """Number of failures after which the run was resumed."""
    elapsed: Elapsed | None = None
    """Elapsed time that counts towards the round's deadline."""
    last_rounds: Annotated[tuple[RoundStatus, ...], Field(max_length=5)] = ()
    """The last five finished rounds, newest last."""
    conditions: Conditions = ()
    """Current conditions."""


class TrainingTaskStatus(Block):
    """Status of a task. Written only by the participant."""

    observed_generation: NonNegativeInt | None = None
    """Generation of the spec that the status describes."""
    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Refused", "Cancelled"] | None = None
    """Phase of the task. `Refused`: the participant's policy or its data do not allow the task; a retry does not
    help."""
    reason: ShortText | None = None
    """Machine-readable reason in CamelCase."""
    message: Message | None = None
    """Human-readable details."""
    retryable: bool | None = None
    """With phase `Failed`: whether a retry may succeed."""
    started_at: Instant | None = None
    """Time at which its pods were first observed running."""
    ended_at: Instant | None = None
    """Time at which it was observed to have ended."""
    log_tail: LogTail | None = None
    """Last lines of the trainer's log, without values of rows, if the participant's policy allows it (`logs`)."""
    conditions: Conditions = ()
    """Current conditions."""
