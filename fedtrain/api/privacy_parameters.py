"""What `spec.privacy` means in numbers: the noise of each round, and whether the budget allows it."""

from dataclasses import dataclass
from math import sqrt

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy import AdaptiveClipping, Privacy
from fedtrain.api.privacy_terms import terms_in_short
from fedtrain.plurals import several
from fedtrain.privacy.accounting import (
    AccountingError,
    Release,
    check_delta,
    check_range_of_samples,
    epsilon,
    multiplier_for,
    rounded_up,
)
from fedtrain.privacy.adaptive_clipping import default_indicator_noise, noise_on_updates
from fedtrain.privacy.noise_shares import share_multiplier


@dataclass(frozen=True)
class Parameters:
    """`release`: what each round spends. `initial_norm`: clipping norm of round 1. With adaptive clipping,
    `indicator_noise` is the standard deviation of the noise on the number of unclipped updates; None with a fixed norm.
    `update_multiplier`: multiplier of the noise on the updates themselves. `shares`: number of updates, at least, among
    which the participants share the noise; None if the hub adds it."""

    release: Release
    initial_norm: float
    update_multiplier: float
    indicator_noise: float | None = None
    shares: int | None = None

    def on_sum(self, updates: int) -> float:
        """Return the multiplier of the noise on the sum of this many updates: larger than `update_multiplier` if more
        participants than needed add their shares."""
        if self.shares is None:
            return self.update_multiplier
        return share_multiplier(self.update_multiplier, self.shares) * sqrt(updates)

    @property
    def seen_by_hub(self) -> Release | None:
        """What one noisy update spends towards the hub; None if updates have no noise."""
        return None if self.shares is None else Release(share_multiplier(self.release.multiplier, self.shares))


def enough_noise(spec: FederatedTrainingSpec, privacy: Privacy) -> float | None:
    """Return a multiplier, of three digits, with which the budget allows all rounds; None if none does."""
    try:
        found = multiplier_for(privacy.budget.epsilon, privacy.budget.delta, spec.rounds.count)
    except AccountingError:
        return None
    return rounded_up(found)


def _more_noise(spec: FederatedTrainingSpec, privacy: Privacy) -> str:
    """Return the fix of a budget that allows no round."""
    enough = enough_noise(spec, privacy)
    rounds = several(spec.rounds.count, "round")
    most = "Raise `noise.multiplier`" if enough is None else f"Set `noise.multiplier: {enough:g}`, enough for {rounds}"
    return f"{most}, or raise `budget.epsilon`, which protects less."


def parameters(spec: FederatedTrainingSpec, privacy: Privacy) -> Parameters:
    """Return the parameters of the run. Raises AccountingError if the budget allows no round, or no noise meets it."""
    budget = privacy.budget
    units = len(spec.participants)
    check_delta(budget.delta, units=units)
    multiplier = privacy.noise.multiplier
    if multiplier is None:
        multiplier = multiplier_for(budget.epsilon, budget.delta, spec.rounds.count)
    release = Release(multiplier)
    rounds, found = spec.rounds.count, privacy.noise.multiplier is None
    first = epsilon({release: 1}, budget.delta)
    if first > budget.epsilon:
        raise AccountingError(
            f"One round with noise multiplier {multiplier:g} costs epsilon {first:.3g}, and the budget is "
            f"{budget.epsilon:g}. {_more_noise(spec, privacy)} (Epsilon: {terms_in_short(privacy)}.)"
        )
    check_range_of_samples(multiplier, rounds, several(rounds, "round"), budget.delta, units=units, found=found)
    shares = spec.minimum if privacy.noise.location == "Client" else None
    if privacy.clipping.norm is not None:
        return Parameters(release, privacy.clipping.norm, multiplier, shares=shares)
    adaptive = privacy.clipping.adaptive or AdaptiveClipping()
    indicator_noise = adaptive.indicator_noise or default_indicator_noise(multiplier, len(spec.participants))
    try:
        updates = noise_on_updates(multiplier, indicator_noise)
    except ValueError as error:
        raise AccountingError(f"clipping.adaptive.indicatorNoise: {error}") from error
    return Parameters(release, adaptive.initial_norm, updates, indicator_noise, shares)
