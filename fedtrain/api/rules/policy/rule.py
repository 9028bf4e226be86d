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


@dataclass(frozen=True)
class Reason:
    """Why a rule objects, with a change of the training that depends on its values. `{asks}` in `change` is the
    training's field. `owner`: as in `Objection`, if it is not that of the rule."""

    problem: str
    change: str
    owner: str | None = None


Refuse = Callable[[Request, ParticipantPolicySpec], str | Reason | None]
Hold = Callable[[Request, ParticipantPolicySpec, Situation], str | Reason | None]


@dataclass(frozen=True)
class Objection:
    """Why a task is refused, or waits. Problem and fixes are clauses without a period.

    Attributes:
        field: of the policy; None for a rule that holds whatever the policy says.
        asks: field of the training that asks for too much; for a participant's own fields, below `spec.participants`.
        change: what the author of the training changes, an imperative; empty if only the owner can help.
        owner: what the owner does in the policy, after "ask the owner to"; empty if a policy cannot help.
        then: when a task that waits starts.
    """

    field: str | None
    problem: str
    asks: str | None = None
    change: str = ""
    owner: str = ""
    then: str = ""

    def change_of(self, who: str) -> str:
        """Return the change of the training by which participant `who` is asked for less."""
        return self.change.replace("{asks}", _shown(self.asks, who))

    def fix(self, who: str) -> str:
        """Return who changes which field, for the training's author and for the owner alike."""
        change, owner = self.change_of(who), self.owner.format(field=f"`{self.field}`")
        if change and self.asks is not None:
            change = f"In the FederatedTraining, {change[:1].lower()}{change[1:]}"
        fixes = (change, owner and f"ask the owner of {who} to {owner} in its ParticipantPolicy")
        fix = ", or ".join(filter(None, fixes))
        return fix[:1].upper() + fix[1:]


@dataclass(frozen=True)
class Refusing:
    """A rule that refuses a task for good. `check` returns the reason, or None. Other fields as in `Objection`."""

    field: str | None
    asks: str | None
    change: str
    owner: str
    check: Refuse

    def objection(self, request: Request, policy: ParticipantPolicySpec) -> Objection | None:
        """Return why the task is refused; None if it is not."""
        if (reason := self.check(request, policy)) is None:
            return None
        problem, change = _parts(reason, self.change)
        owner = reason.owner if isinstance(reason, Reason) else None
        return Objection(self.field, problem, self.asks, change, self.owner if owner is None else owner)


@dataclass(frozen=True)
class Holding:
    """A rule that lets a task wait. `check` returns the reason, or None. Other fields as in `Objection`."""

    field: str
    then: str
    check: Hold

    def objection(self, request: Request, policy: ParticipantPolicySpec, situation: Situation) -> Objection | None:
        """Return why the task waits; None if it does not."""
        if (reason := self.check(request, policy, situation)) is None:
            return None
        problem, change = _parts(reason, "")
        return Objection(self.field, problem, change=change, then=self.then)


def refuses(
    field: str | None, *, asks: str | None = None, change: str = "", owner: str = "change {field}"
) -> Callable[[Refuse], Refusing]:
    """Make a rule of a check."""
    return lambda check: Refusing(field, asks, change, owner if field else "", check)


def holds(field: str, *, then: str) -> Callable[[Hold], Holding]:
    """Make a rule of a check."""
    return lambda check: Holding(field, then, check)


def _parts(reason: str | Reason, change: str) -> tuple[str, str]:
    return (reason, change) if isinstance(reason, str) else (reason.problem, reason.change)


def _shown(asks: str | None, who: str) -> str:
    """The training's field as its author writes it: `compute.nodes` of participant bank-b."""
    path = (asks or "").removeprefix("spec.")
    own = path.removeprefix("participants.")
    return f"`{path}`" if own == path else f"`{own}` of participant {who}"
