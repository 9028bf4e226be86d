"""`privacy.unit: Example`: the noise of each participant, what it has spent, and whether it can afford another attempt.

Each participant has its own account: a row is in one participant's data only. The number of its training rows is
public.
All state comes from records. An attempt counts from the moment it is issued (the plan issues the first one, grants the
further ones), so a crash can neither forget a spend nor count one twice.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import ceil, inf

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy_terms import terms_in_short
from fedtrain.api.training import Training
from fedtrain.contracts.example_spending import spent_after
from fedtrain.contracts.privacy_blocks import ExampleNoise, ParticipantReleases, PrivacyState
from fedtrain.contracts.records import Manifest
from fedtrain.plurals import form, several
from fedtrain.privacy.accounting import (
    AccountingError,
    Poisson,
    Release,
    TooLarge,
    after,
    check_delta,
    check_range_of_samples,
    epsilon,
    multiplier_for,
    rounded_up,
)
from fedtrain.rounds.barred_participants import Barred, fixes_of_all, reasons_of_all
from fedtrain.rounds.snapshot import Snapshot


class TooLittleNoise(AccountingError):
    """One round with the noise of `noise.multiplier` spends more than the budget."""

    def __init__(self, barred: Barred) -> None:
        super().__init__(str(barred))
        self.barred = barred


def barred_by(error: AccountingError) -> Barred:
    """Return why a participant cannot take part, and the fix."""
    if isinstance(error, TooLittleNoise):
        return error.barred
    reason, _, fix = str(error).rstrip(".").partition(". ")
    return Barred(f"{reason[:1].lower()}{reason[1:]}", fix)


def enough_noise(spec: FederatedTrainingSpec, participant: str, rows: int) -> float | None:
    """Return a multiplier, of three digits, with which the budget of a participant allows all rounds; None if none
    does."""
    privacy = spec.privacy
    assert privacy is not None
    budget, training = privacy.budget, spec.participant(participant).training.over(spec.training)
    batch, steps = _draws(training, rows)
    try:
        return rounded_up(_multiplier(budget.epsilon, budget.delta, steps * spec.rounds.count, batch / rows))
    except AccountingError:
        return None


def _draws(training: Training, rows: int) -> tuple[int, int]:
    """Return the expected rows of a step, and the steps of a round."""
    batch, length = min(training.batch_size, rows), training.length
    return batch, length.steps or max(1, ceil((length.epochs or 1.0) * rows / batch))


def example_noise(spec: FederatedTrainingSpec, participant: str, rows: int) -> ExampleNoise:
    """Return how a participant with this many training rows samples, clips and noises in a round. With `noise.type:
    Budget`, the noise with which all rounds spend its budget. Raises AccountingError if not one round fits."""
    privacy = spec.privacy
    assert privacy is not None
    assert privacy.clipping.norm is not None
    budget, training = privacy.budget, spec.participant(participant).training.over(spec.training)
    if rows < 2:
        raise AccountingError("it has 1 training row, and the noise that hides a row leaves nothing of it. Add rows")
    check_delta(budget.delta, units=rows)
    batch, steps = _draws(training, rows)
    whole = steps * spec.rounds.count
    multiplier = privacy.noise.multiplier or _multiplier(budget.epsilon, budget.delta, whole, batch / rows)
    found = ExampleNoise(
        probability=batch / rows, batch=batch, steps=steps, bound=privacy.clipping.norm, multiplier=multiplier
    )
    if refusal := unaffordable(spec, {}, found):
        fix = "Raise `noise.multiplier`, lower `training.length`, or raise `budget.epsilon`, which protects less"
        raise TooLittleNoise(refusal._replace(fix=fix))
    given = privacy.noise.multiplier is not None
    check_range_of_samples(multiplier, whole, several(whole, "step"), budget.delta, units=rows, found=not given)
    return found


@lru_cache(1024)
def _multiplier(budget: float, delta: float, steps: int, probability: float) -> float:
    return multiplier_for(budget, delta, steps, Poisson(probability))


def releases_of(spent: Iterable[ParticipantReleases]) -> dict[str, dict[Release, int]]:
    """Return the releases of each participant."""
    found: dict[str, dict[Release, int]] = {}
    for one in spent:
        found.setdefault(one.participant, {})[Release(one.multiplier, Poisson(one.probability))] = one.steps
    return found


def spent_in(snapshot: Snapshot) -> dict[str, dict[Release, int]]:
    """Return the releases of each participant so far, those of issued attempts of the open round included."""
    ledger = snapshot.ledger
    before = ledger.manifest.privacy.participants if ledger.manifest and ledger.manifest.privacy else ()
    return releases_of(spent_after(before, ledger.current.plan, ledger.current.grants))


def unaffordable(spec: FederatedTrainingSpec, spent: Mapping[Release, int], noise: ExampleNoise) -> Barred | None:
    """Return why a participant that has spent `spent` may not make another attempt; None if it may. Raises
    AccountingError."""
    assert spec.privacy is not None
    budget = spec.privacy.budget
    release = Release(noise.multiplier, Poisson(noise.probability))
    try:
        following = epsilon(after(spent, release, noise.steps), budget.delta)
    except TooLarge:
        following = inf
    if following <= budget.epsilon:
        return None
    if spent:
        cost = (
            f"epsilon {epsilon(spent, budget.delta):.4g} is spent, {several(noise.steps, 'more step')} "
            f"{form(noise.steps, 'makes', 'make')} it {following:.4g}"
        )
    else:
        found = "an epsilon that is too large to be computed" if following == inf else f"epsilon {following:.4g}"
        cost = f"one round ({several(noise.steps, 'step')}) costs {found}"
    return Barred(f"{cost}, and the budget is {budget.epsilon:g}", terms=terms_in_short(spec.privacy))


def planned_noises(snapshot: Snapshot, rows: Mapping[str, int]) -> dict[str, ExampleNoise | Barred]:
    """Return the noise of each participant with rows in the round that is planned, or why it cannot take part."""
    spent = spent_in(snapshot)

    def planned(who: str, count: int) -> ExampleNoise | Barred:
        try:
            noise = example_noise(snapshot.spec, who, count)
            refusal = unaffordable(snapshot.spec, spent.get(who, {}), noise)
        except AccountingError as error:
            found = barred_by(error)
            return found._replace(reason=f"its privacy budget cannot be met: {found.reason}")
        return refusal._replace(reason=f"its privacy budget is exhausted: {refusal.reason}") if refusal else noise

    return {who: planned(who, count) for who, count in rows.items() if count > 0}


def barred(snapshot: Snapshot, participant: str, noise: ExampleNoise) -> str:
    """Return why the open round may grant a participant no further attempt; empty if it may."""
    try:
        refusal = unaffordable(snapshot.spec, spent_in(snapshot).get(participant, {}), noise)
    except AccountingError as error:
        refusal = barred_by(error)
    return f"no further attempt fits into its privacy budget: {refusal}" if refusal else ""


def budgets_exhausted(snapshot: Snapshot) -> str | None:
    """Return why no further round may start: fewer participants than it needs have rows and can afford it. None if it
    may, and if no budget is the reason. A participant that has not counted its rows may still do so."""
    spec, known = snapshot.spec, snapshot.ledger.preflights
    rows = {one.name: known[one.name].samples for one in spec.participants if one.name in known}
    found = {who: noise for who, noise in sorted(planned_noises(snapshot, rows).items()) if isinstance(noise, Barred)}
    without_rows = sum(count == 0 for count in rows.values())
    if not found or len(spec.participants) - len(found) - without_rows >= spec.minimum:
        return None
    fixes = fixes_of_all(found.values()).removesuffix(".")
    return f"{reasons_of_all(found)}. {fixes}" if fixes else reasons_of_all(found)


def state_after(snapshot: Snapshot, manifest: Manifest) -> PrivacyState | None:
    """Return the state after the current round; None without privacy."""
    if manifest.privacy is None:
        return None
    current = snapshot.ledger.current
    spent = spent_after(manifest.privacy.participants, current.plan, current.grants)
    return PrivacyState(bound=manifest.privacy.bound, participants=spent)
