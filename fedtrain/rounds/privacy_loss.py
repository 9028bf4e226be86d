"""The privacy loss of a run, as it is shown: epsilon is never without delta, unit, neighbouring relation, trust and
accountant."""

from collections.abc import Mapping
from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy import Privacy
from fedtrain.api.privacy_parameters import parameters
from fedtrain.contracts.records import ModelFacts
from fedtrain.privacy.accounting import AccountingError, Release, accountant_for, epsilon
from fedtrain.privacy.noise import signal_to_noise

RELATION = "one participant's update replaced by zeros, in every round"
TRUST = "participants trust the hub with their updates"
TRUST_CLIPPED = "participants trust the hub with their clipped updates, and to add the noise"
TRUST_SHARES = (
    "participants trust all but one of a round's participants to add their shares of the noise and to keep them secret"
)


@dataclass(frozen=True)
class PrivacyLoss:
    """`epsilon`: spent so far; None with a testing seed, or if it cannot be computed, with the reason in `problem`.
    `private` is False with a testing seed. `towards_hub`: epsilon spent towards the hub, which sees single updates;
    None if the hub is trusted with them. `ratio`: largest possible norm of the mean over the norm of the noise; None
    if the number of trained values is not known."""

    epsilon: float | None
    budget: float
    delta: float
    accountant: str
    private: bool
    ratio: float | None = None
    towards_hub: float | None = None
    problem: str = ""
    unit: str = "Participant"
    relation: str = RELATION
    trust: str = TRUST

    @property
    def spent(self) -> str:
        """`4.38 of 8`."""
        if not self.private:
            return "not private (testingSeed)"
        return f"{self.epsilon:.3g} of {self.budget:g}" if self.epsilon is not None else "unknown"

    @property
    def ratio_text(self) -> str:
        """The signal-to-noise ratio in words; empty if it is not known."""
        if self.ratio is None:
            return ""
        if self.ratio >= 1:
            return f"the mean update may be {self.ratio:.3g} times as large as the noise on it"
        return f"the noise is {1 / self.ratio:.3g} times as large as the largest possible mean update"

    @property
    def text(self) -> str:
        """All of it in one line."""
        if not self.private:
            return (
                "NOT PRIVATE: the noise comes from privacy.testingSeed, so it can be subtracted. Remove testingSeed "
                "and start a run of another name."
            )
        number = f"epsilon {self.spent}" if self.epsilon is not None else f"epsilon unknown ({self.problem})"
        hub = "" if self.towards_hub is None else f"; epsilon {self.towards_hub:.3g} towards the hub"
        return (
            f"{number} at delta {self.delta:g}{hub}; protects all data of one participant ({self.relation}); "
            f"{self.trust}; accountant: {self.accountant}"
        )


def trained_values(spec: FederatedTrainingSpec, facts: ModelFacts | None) -> int | None:
    """Return the number of values in an update, if the adapter's size is known. With FreezeA, about half of it."""
    if facts is None:
        return None
    return max(1, facts.adapter_parameters // (2 if spec.aggregation.merge == "FreezeA" else 1))


def loss_of(spec: FederatedTrainingSpec, spent: Mapping[Release, int], values: int | None) -> PrivacyLoss | None:
    """Return the loss of the releases `spent`; None without `spec.privacy`."""
    privacy = spec.privacy
    if privacy is None:
        return None
    found, towards_hub, problem, ratio = None, None, "", None
    try:
        private = privacy.testing_seed is None  # otherwise, epsilon would be wrong
        if private:
            found = epsilon(spent, privacy.budget.delta)
        known, count = parameters(spec, privacy), len(spec.participants)
        if private and known.seen_by_hub is not None:
            towards_hub = epsilon({known.seen_by_hub: sum(spent.values())}, privacy.budget.delta)
        if values:
            ratio = signal_to_noise(known.on_sum(count), count, values)
    except AccountingError as error:
        problem = str(error)
    return PrivacyLoss(
        epsilon=found,
        budget=privacy.budget.epsilon,
        delta=privacy.budget.delta,
        accountant=accountant_for(*(release.sampling for release in spent)).name,
        private=privacy.testing_seed is None,
        ratio=ratio,
        towards_hub=towards_hub,
        problem=problem,
        trust=_trust(privacy),
    )


def _trust(privacy: Privacy) -> str:
    if privacy.noise.location == "Client":
        return TRUST_SHARES
    return TRUST_CLIPPED if privacy.clipping.location == "Client" else TRUST
