"""The terms of an epsilon. Epsilon is never shown without them: in full, or in short where there is little space."""

from dataclasses import dataclass

from fedtrain.privacy.accounting import AllRounds, Poisson, accountant_for

RELATION = "one participant's update replaced by zeros, in every round"
EXAMPLE_RELATION = "one training row of one participant added or removed; the number of rows is public"
EXAMPLE_TRUST = "each participant adds the noise itself"
TRUST = "participants trust the hub with their updates"
TRUST_CLIPPED = "participants trust the hub with their clipped updates, and to add the noise"
TRUST_SHARES = (
    "participants trust all but one of a round's participants to add their shares of the noise and to keep them secret"
)
TRUST_PROMISE = "participants trust the hub to add the noise that its tasks promise, or each other to add their shares"
TRUST_OWN_NOISE = "towards the hub, which sees single updates with the noise that this participant adds itself"
_IN_SHORT = {
    RELATION: "update zeroed",
    EXAMPLE_RELATION: "row added or removed",
    TRUST: "hub trusted",
    TRUST_CLIPPED: "hub trusted with clipped updates",
    TRUST_SHARES: "all but one participant trusted",
    TRUST_PROMISE: "promised noise trusted",
    TRUST_OWN_NOISE: "towards the hub",
    EXAMPLE_TRUST: "participant adds noise",
}
NOT_PRIVATE = "NOT PRIVATE: the noise comes from privacy.testingSeed"


@dataclass(frozen=True)
class Terms:
    """`unit`: Participant or Example. `trust`: who is trusted with what."""

    unit: str
    delta: float
    relation: str
    trust: str
    accountant: str

    @property
    def protected(self) -> str:
        """What is protected, in words."""
        return "one row of one participant" if self.unit == "Example" else "all data of one participant"

    @property
    def in_short(self) -> str:
        """`delta 1e-05, unit Participant, update zeroed, hub trusted, exact Gaussian`."""
        relation, trust, accountant = _IN_SHORT[self.relation], _IN_SHORT[self.trust], self.accountant.partition(",")[0]
        return f"delta {self.delta:g}, unit {self.unit}, {relation}, {trust}, {accountant}"

    @property
    def guarantee(self) -> str:
        """All but delta, in one line."""
        return f"protects {self.protected} ({self.relation}); {self.trust}; accountant: {self.accountant}"


def terms_of_unit(unit: str, delta: float, trust: str = TRUST) -> Terms:
    """Return the terms of a unit. `trust`: with unit Participant, who is trusted with what."""
    if unit == "Example":
        accountant = f"{accountant_for(Poisson(1.0)).name}, rows sampled independently in each step"
        return Terms(unit, delta, EXAMPLE_RELATION, EXAMPLE_TRUST, accountant)
    return Terms(unit, delta, RELATION, trust, accountant_for(AllRounds()).name)
