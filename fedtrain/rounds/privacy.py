"""The privacy budget: what was spent, whether a further round fits, and how a run ends when none does.

All state comes from records. A draw of noise counts from the moment its Spend record exists, whether or not its round
is ever recorded, so a crash can neither forget a spend nor count one twice. Before a close is aggregated or a round is
recorded, each other close without a Spend gets an empty one: an aggregator that is late cannot draw noise for it any
more.
"""

from collections.abc import Iterable

from fedtrain.api.privacy import Privacy
from fedtrain.api.privacy_parameters import parameters
from fedtrain.api.privacy_terms import budget_in_short
from fedtrain.contracts import names
from fedtrain.contracts.example_spending import spent_after as spent_by_participants
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import PrivacyState, Releases, RoundPrivacy
from fedtrain.contracts.records import Aggregate, Manifest
from fedtrain.privacy.accounting import AccountingError, Release, after, epsilon
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.example_privacy import budgets_exhausted, state_after
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import fail

BUDGET_EXHAUSTED = "BudgetExhausted"
"""Reason of the failure with `budget.onExhausted: Fail`."""


def spent_after(manifest: Manifest | None, spends: Iterable[Spend]) -> dict[Release, int]:
    """Return the noisy releases up to `manifest`, and those of `spends`."""
    releases: dict[Release, int] = {}
    for past in manifest.privacy.spent if manifest and manifest.privacy else ():
        releases = after(releases, Release(past.multiplier), past.count)
    for spend in spends:
        if spend.multiplier is not None:
            releases = after(releases, Release(spend.multiplier))
    return releases


def round_privacy(snapshot: Snapshot) -> RoundPrivacy | None:
    """Return how the updates of the current round are clipped and noised; None without `unit: Participant`. Raises
    AccountingError."""
    privacy, manifest = snapshot.spec.participant_privacy, snapshot.ledger.manifest
    if privacy is None:
        return None
    found = parameters(snapshot.spec, privacy)
    if manifest is None or manifest.privacy is None:
        raise AccountingError(f"{names.manifest(snapshot.ledger.round - 1)} has no state of privacy")
    return RoundPrivacy(
        bound=manifest.privacy.bound,
        multiplier=found.release.multiplier,
        update_multiplier=found.update_multiplier,
        indicator_noise=found.indicator_noise,
        clipping_location="Client" if privacy.clipping.location == "Client" else None,
        noise_shares=found.shares,
    )


def initial_state(snapshot: Snapshot) -> PrivacyState | None:
    """Return the state before round 1; None without privacy. Raises AccountingError."""
    spec = snapshot.spec
    if spec.example_privacy is not None:
        return PrivacyState(bound=spec.example_privacy.clipping.norm or 0.0)
    privacy = spec.participant_privacy
    return None if privacy is None else PrivacyState(bound=parameters(spec, privacy).initial_norm)


def next_state(snapshot: Snapshot, manifest: Manifest, aggregate: Aggregate | None = None) -> PrivacyState | None:
    """Return the state after the current round; None without privacy. `manifest`: the previous one. `aggregate`: of a
    committed round."""
    if manifest.privacy is None or snapshot.spec.example_privacy is not None:
        return state_after(snapshot, manifest)
    spent = spent_after(manifest, snapshot.ledger.current.spends.values())
    bound = aggregate.privacy.next_bound if aggregate and aggregate.privacy else manifest.privacy.bound
    releases = (Releases(multiplier=one.multiplier, count=count) for one, count in spent.items())
    current = snapshot.ledger.current
    return PrivacyState(
        bound=bound,
        spent=tuple(sorted(releases, key=lambda one: one.multiplier)),
        participants=spent_by_participants(manifest.privacy.participants, current.plan, current.grants),
    )


def over_budget(snapshot: Snapshot) -> str | None:
    """Return why no further noise may be drawn; None while the budget allows it, and without privacy. Raises
    AccountingError."""
    spec, ledger = snapshot.spec, snapshot.ledger
    if spec.privacy is None:
        return None
    if spec.example_privacy is not None:
        return budgets_exhausted(snapshot)
    budget = spec.privacy.budget
    spent = spent_after(ledger.manifest, ledger.current.spends.values())
    before = epsilon(spent, budget.delta)
    following = epsilon(after(spent, _next_release(snapshot, spec.privacy)), budget.delta)
    if following <= budget.epsilon:
        return None
    return (
        f"the privacy budget is exhausted: epsilon {before:.4g} is spent, one more round makes it {following:.4g}, and "
        f"the budget is {budget_in_short(spec.privacy)}"
    )


def _next_release(snapshot: Snapshot, privacy: Privacy) -> Release:
    """Return what the next draw of noise spends: as the plan of an open round says. Raises AccountingError."""
    plan = snapshot.ledger.current.plan
    if plan is None:
        return parameters(snapshot.spec, privacy).release
    if plan.privacy is None:
        raise AccountingError(f"{names.plan(plan.round)} does not say how to clip and noise the updates")
    return Release(plan.privacy.multiplier)


def unspent(snapshot: Snapshot, counted: int | None) -> Decision | None:
    """Return the decision that ends the closes of the current round which have no Spend record, except close
    `counted`; None if there are none, and without `unit: Participant`. The round is recorded afterwards, with all
    spends known."""
    ledger = snapshot.ledger
    if snapshot.spec.participant_privacy is None:
        return None
    claims = tuple(
        Claim(names.spend(close.round, close.k), Spend(run_id=ledger.run.run_id, round=close.round, k=close.k))
        for close in ledger.current.closes
        if close.k != counted
        and close.k not in ledger.current.spends
        and names.spend(close.round, close.k) not in ledger.strays  # its name is taken, so it cannot be claimed
    )
    return Decision("Recording", round=ledger.round, actions=claims) if claims else None


def not_accounted(snapshot: Snapshot, error: AccountingError) -> Decision:
    """The run stops if the accountant cannot say what a round costs."""
    return fail(snapshot, "AccountingFailed", f"the privacy of round {snapshot.ledger.round} is unknown: {error}")
