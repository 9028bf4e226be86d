"""The privacy budget: whether one more draw of noise fits, and how a run ends when none does.

Before a close is aggregated or a round is recorded, each other close without a Spend gets an empty one: an aggregator
that is late cannot draw noise for it any more.
"""

from fedtrain.api.privacy import Privacy
from fedtrain.api.privacy_parameters import parameters
from fedtrain.api.privacy_terms import budget_in_short
from fedtrain.contracts import names
from fedtrain.contracts.noise_records import Spend
from fedtrain.privacy.accounting import AccountingError, Release, after, epsilon
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.example_privacy import budgets_exhausted
from fedtrain.rounds.privacy_state import spent_after
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import fail

BUDGET_EXHAUSTED = "BudgetExhausted"
"""Reason of the failure with `budget.onExhausted: Fail`."""


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
