"""The privacy loss of a run, as it is shown: epsilon is never without delta, unit, neighbouring relation, trust and
accountant."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy_parameters import parameters
from fedtrain.api.privacy_terms import terms_of
from fedtrain.contracts.example_spending import spent_after as spent_by_participants
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.records import Grant, Manifest, ModelFacts, Plan
from fedtrain.privacy.accounting import AccountingError, Release, bounded_epsilon, epsilon
from fedtrain.privacy.noise import signal_to_noise
from fedtrain.privacy.terms import NOT_PRIVATE, Terms
from fedtrain.rounds.example_privacy import releases_of
from fedtrain.rounds.privacy_state import spent_after

_UNBOUNDED = "because the shares of the noise are too small for this delta"


@dataclass(frozen=True)
class PrivacyLoss:
    """`epsilon`: spent so far; None with a testing seed, or if it cannot be computed, with the reason in `problem`.
    `private` is False with a testing seed. `towards_hub`: epsilon spent towards the hub, which sees single updates;
    None if the hub is trusted with them, and with `unbounded_towards_hub`: their noise is too small for this delta.
    `ratio`: largest possible norm of the mean over the norm of the noise; None if the number of trained values is not
    known. `participants`: with unit Example, the epsilon of each participant's rows; `epsilon` is the largest."""

    epsilon: float | None
    budget: float
    delta: float
    accountant: str
    private: bool
    unit: str
    relation: str
    trust: str
    ratio: float | None = None
    towards_hub: float | None = None
    unbounded_towards_hub: bool = False
    problem: str = ""
    participants: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def protected(self) -> str:
        """What is protected, in words."""
        return self._terms.protected

    @property
    def by_participant(self) -> str:
        """`a 4.38, b 3.1`; empty with unit Participant."""
        return ", ".join(f"{who} {number:.3g}" for who, number in self.participants.items())

    @property
    def spent(self) -> str:
        """`4.38 of 8`."""
        if not self.private:
            return "not private (testingSeed)"
        return f"{self.epsilon:.3g} of {self.budget:g}" if self.epsilon is not None else "unknown"

    @property
    def in_short(self) -> str:
        """`4.38 of 8 (delta 1e-05, unit Participant, update zeroed, hub trusted, exact Gaussian)`."""
        if not self.private:
            return self.spent
        return f"{self.spent} ({self.terms_in_short})"

    @property
    def terms_in_short(self) -> str:
        """What epsilon depends on, in short; for a run that is not private, that it is not."""
        return self._terms.in_short if self.private else self.spent

    @property
    def hub_text(self) -> str:
        """The epsilon towards the hub; empty if the hub is trusted with single updates."""
        if self.unbounded_towards_hub:
            return f"none, {_UNBOUNDED}"
        return "" if self.towards_hub is None else f"{self.towards_hub:.3g}"

    @property
    def ratio_text(self) -> str:
        """The signal-to-noise ratio in words; empty if it is not known."""
        if self.ratio is None:
            return ""
        signal = "mean gradient of a step" if self.unit == "Example" else "mean update"
        if self.ratio >= 1:
            return f"the {signal} may be {self.ratio:.3g} times as large as the noise on it"
        return f"the noise is {1 / self.ratio:.3g} times as large as the largest possible {signal}"

    @property
    def text(self) -> str:
        """All of it in one line."""
        if not self.private:
            return f"{NOT_PRIVATE}, so it can be subtracted. Remove `testingSeed` and start a run of another name"
        number = f"epsilon {self.spent}" if self.epsilon is not None else f"epsilon unknown ({self.problem})"
        hub = "" if self.towards_hub is None else f"; epsilon {self.towards_hub:.3g} towards the hub"
        if self.unbounded_towards_hub:
            hub = f"; no epsilon towards the hub, {_UNBOUNDED}"
        own = f"; by participant: {self.by_participant}" if self.participants else ""
        return f"{number} at delta {self.delta:g}{hub}; {self._terms.guarantee}{own}"

    @property
    def terms(self) -> str:
        """What epsilon depends on, in one line; `text` if the run is not private."""
        return f"delta {self.delta:g}; {self._terms.guarantee}" if self.private else self.text

    @property
    def _terms(self) -> Terms:
        return Terms(self.unit, self.delta, self.relation, self.trust, self.accountant)


def trained_values(spec: FederatedTrainingSpec, facts: ModelFacts | None) -> int | None:
    """Return the number of values in an update, if the adapter's size is known. With FreezeA, about half of it."""
    if facts is None:
        return None
    return max(1, facts.adapter_parameters // (2 if spec.aggregation.merge == "FreezeA" else 1))


def step_signal_to_noise(plan: Plan | None, values: int | None) -> float | None:
    """With unit Example, return the largest possible norm of the mean gradient of a step over the expected norm of the
    noise on it, for the member of the plan where it is smallest; None if the plan or the number of values is not known.
    """
    noises = [member.example_noise for member in plan.members if member.example_noise is not None] if plan else []
    if not noises or values is None:
        return None
    return min(signal_to_noise(noise.multiplier, noise.batch, values) for noise in noises)


def loss_after(
    spec: FederatedTrainingSpec,
    manifest: Manifest | None,
    *,
    spends: Iterable[Spend] = (),
    plan: Plan | None = None,
    grants: Iterable[Grant] = (),
    values: int | None = None,
) -> PrivacyLoss | None:
    """Return the loss after the round of `manifest` and the draws of the open round: its `spends`, or with unit Example
    the attempts of its `plan`. `values`: number of trained values, if known. None without `spec.privacy`.

    A hub that is not trusted sees the update of each attempt, also of rounds that are skipped or not yet closed."""
    before = manifest.privacy.participants if manifest and manifest.privacy else ()
    drawn = spent_by_participants(before, plan, grants)
    if spec.example_privacy is not None:
        return example_loss(spec, releases_of(drawn))
    seen = Counter[str]()
    for one in drawn:
        seen[one.participant] += one.steps
    return loss_of(spec, spent_after(manifest, spends), values, max(seen.values(), default=0))


def example_loss(spec: FederatedTrainingSpec, spent: Mapping[str, Mapping[Release, int]]) -> PrivacyLoss:
    """Return the loss with unit Example: that of the participant whose rows have the largest epsilon."""
    privacy = spec.privacy
    assert privacy is not None
    private, found, problem = privacy.testing_seed is None, dict[str, float](), ""
    try:
        if private:  # otherwise, epsilon would be wrong
            found = {who: epsilon(releases, privacy.budget.delta) for who, releases in spent.items()}
    except AccountingError as error:
        private_epsilon, found, problem = None, dict[str, float](), str(error)
    else:
        private_epsilon = max(found.values(), default=0.0) if private else None
    terms = terms_of(privacy)
    return PrivacyLoss(
        epsilon=private_epsilon,
        budget=privacy.budget.epsilon,
        delta=privacy.budget.delta,
        accountant=terms.accountant,
        private=private,
        unit=terms.unit,
        relation=terms.relation,
        trust=terms.trust,
        problem=problem,
        participants=found,
    )


def loss_of(
    spec: FederatedTrainingSpec, spent: Mapping[Release, int], values: int | None, seen: int = 0
) -> PrivacyLoss | None:
    """Return the loss of the releases `spent` with unit Participant; None without it. `seen`: number of updates of
    one participant, at most, that the hub may have seen, if it is more than that of the releases."""
    privacy = spec.participant_privacy
    if privacy is None:
        return None
    found, towards_hub, unbounded, problem, ratio = None, None, False, "", None
    try:
        private = privacy.testing_seed is None  # otherwise, epsilon would be wrong
        if private:
            found = epsilon(spent, privacy.budget.delta)
        known, count = parameters(spec, privacy), len(spec.participants)
        if private and known.seen_by_hub is not None:
            updates = max(seen, sum(spent.values()))
            towards_hub = bounded_epsilon({known.seen_by_hub: updates}, privacy.budget.delta)
            unbounded = towards_hub is None
        if values:
            ratio = signal_to_noise(known.on_sum(count), count, values)
    except AccountingError as error:
        problem = str(error)
    terms = terms_of(privacy)
    return PrivacyLoss(
        epsilon=found,
        budget=privacy.budget.epsilon,
        delta=privacy.budget.delta,
        accountant=terms.accountant,
        private=privacy.testing_seed is None,
        unit=terms.unit,
        relation=terms.relation,
        trust=terms.trust,
        ratio=ratio,
        towards_hub=towards_hub,
        unbounded_towards_hub=unbounded,
        problem=problem,
    )
