"""What a policy decides about a task, and the interface of its rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.participants import Compute
from fedtrain.api.storage import Storage
from fedtrain.privacy.accounting import Release


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a task asks for.

    Attributes:
        namespace, name: of the training.
        work: type of the task, such as `Train`.
        base: base model.
        base_endpoint: server that the training reads it from; None if it names none.
        image: trainer image of this participant.
        rows: distinct rows to train on; None if the task does not train.
        steps: optimizer steps; None if the task does not train.
        min_participants: updates that the hub aggregates at least; None if it does not say.
        unit: unit of privacy that the hub promises; None if the task trains without a promise.
        multiplier: promised noise multiplier.
        share_flaw: why the share of noise that the task asks for does not protect the update as promised; None if it
            does, and without a share.
        adds_noise: whether the participant adds secret noise itself.
        released: noisy releases with this unit over all trainings on a data set, with those of this round, by data
            set; with `privacy.noiseLocation: Client`, those that the hub sees.
        digest: digest of the training as this participant sees it.
    """

    namespace: str
    name: str
    work: str
    base: str
    base_endpoint: str | None
    rank: int
    compute: Compute
    image: str
    storage: Storage
    rows: int | None = None
    steps: int | None = None
    min_participants: int | None = None
    unit: str | None = None
    multiplier: float | None = None
    share_flaw: str | None = None
    adds_noise: bool = False
    released: Mapping[str, Mapping[Release, int]] = field(default_factory=dict[str, Mapping[Release, int]])
    digest: str


@dataclass(frozen=True)
class Situation:
    """The present. `now`: seconds since 1970; `running`: other tasks of this participant that run."""

    now: float
    running: int


Refuse = Callable[[Request, ParticipantPolicySpec], str | None]
Hold = Callable[[Request, ParticipantPolicySpec, Situation], str | None]


@dataclass(frozen=True)
class Refusing:
    """A rule that refuses a task for good. `field`: of the policy; `asks`: of the training, what asks for too much;
    for a participant's own fields, below `spec.participants`. `check` returns the reason, or None."""

    field: str
    asks: str | None
    check: Refuse


@dataclass(frozen=True)
class Holding:
    """A rule that lets a task wait. `field`: of the policy. `check` returns the reason, or None."""

    field: str
    check: Hold


def refuses(field: str, asks: str | None = None) -> Callable[[Refuse], Refusing]:
    """Make a rule of a check."""
    return lambda check: Refusing(field, asks, check)


def holds(field: str) -> Callable[[Hold], Holding]:
    """Make a rule of a check."""
    return lambda check: Holding(field, check)
