"""After the close: aggregate, evaluate, record.

The close of the highest number stands. The aggregator writes a further one, a subset, when bytes fail its checks; one
that fell below the minimum ends the run or the round, and once the user resumes after that failure it no longer stands:
the quarantined participants get new attempts, and a further close lists what is valid then.
"""

from collections.abc import Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Absent, Aggregate, Close, Manifest, Plan
from fedtrain.contracts.run_end import Failure
from fedtrain.privacy.accounting import AccountingError
from fedtrain.rounds.decision import AggregateOrder, Claim, Decision
from fedtrain.rounds.early_stopping import early_stopping_state
from fedtrain.rounds.evaluating import evaluate
from fedtrain.rounds.gate_rollback import gate_state, rolled_back
from fedtrain.rounds.privacy_budget import BUDGET_EXHAUSTED, not_accounted, over_budget, unspent
from fedtrain.rounds.privacy_state import next_state
from fedtrain.rounds.quorum import BELOW_MINIMUM, below_minimum, is_below_minimum, skip
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, fail


def standing_close(snapshot: Snapshot) -> Close | None:
    """The close that counts; None while the round is open."""
    if not snapshot.ledger.current.closes:
        return None
    last = max(snapshot.ledger.current.closes, key=lambda close: close.k)
    return last if stands(last, snapshot.spec, snapshot.ledger.failures) else None


def stands(close: Close, spec: FederatedTrainingSpec, failures: Sequence[Failure]) -> bool:
    """Whether the close still counts once the run is resumed after all of its `failures`."""
    return not is_below_minimum(len(close.updates), spec) or not any(
        failure.reason == BELOW_MINIMUM and failure.round == close.round and epoch >= close.epoch
        for epoch, failure in enumerate(failures, 1)
    )


def aggregate(snapshot: Snapshot, now: float, manifest: Manifest, plan: Plan, close: Close) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    if is_below_minimum(len(close.updates), spec):
        quarantined = (one.absent for one in close.quarantined)
        missing = {one.participant: one for one in (*close.absent, *quarantined)}
        return below_minimum(snapshot, manifest, plan, missing, close)
    if (withheld := _withheld(snapshot, manifest, plan, close)) is not None:
        return withheld
    work = Work(snapshot, now)
    aggregated = ledger.current.aggregates.get(close.k)
    if aggregated is None:
        who = f"_aggregate-{close.k}"
        failed = work.hub_job("Aggregate", who, lambda _: AggregateOrder(plan.round, close.k))
        if failed:
            return fail(snapshot, "AggregationFailed", f"round {plan.round} can't be aggregated: {failed}")
        return work.decision("Aggregating")
    if (uncounted := _uncounted(snapshot, close, aggregated)) is not None:
        return uncounted
    evaluated = evaluate(work, close.k, aggregated.adapter, manifest.config)
    if isinstance(evaluated, Decision):
        return evaluated
    committed = Manifest(
        run_id=ledger.run.run_id,
        round=plan.round,
        outcome="Committed",
        k=close.k,
        step=manifest.step + 1,
        adapter=aggregated.adapter,
        config=manifest.config,
        state=aggregated.state,
        plan=digest_of(plan),
        close=digest_of(close),
        aggregate=digest_of(aggregated),
        evaluation=evaluated.digest,
        absent=close.absent,
        privacy=next_state(snapshot, manifest, aggregated),
        gate=gate_state(snapshot, close.k),
        early_stopping=early_stopping_state(snapshot, close.k),
        previous=digest_of(manifest),
    )
    if (back := rolled_back(snapshot, manifest, committed)) is not None:
        return back
    return Decision("Recording", round=plan.round, actions=(Claim(names.manifest(plan.round), committed),))


def _uncounted(snapshot: Snapshot, close: Close, aggregated: Aggregate) -> Decision | None:
    """Return the failure of a private round whose aggregate names no noise that the budget counts."""
    if snapshot.spec.participant_privacy is None:
        return None
    spend, made = snapshot.ledger.current.spends.get(close.k), aggregated.privacy
    if spend and spend.multiplier is not None and made and made.spend == digest_of(spend):
        return None
    name = names.aggregate(close.round, close.k)
    error = AccountingError(f"{name} names no noise that is counted, so it is not used")
    return not_accounted(snapshot, error)


def _withheld(snapshot: Snapshot, manifest: Manifest, plan: Plan, close: Close) -> Decision | None:
    """Return what comes before the aggregation under privacy: other closes are ended, so that at most one draws noise,
    and the budget must allow the draw. None if the close may be aggregated."""
    if snapshot.spec.participant_privacy is None:
        return None
    if (ending := unspent(snapshot, counted=close.k)) is not None:
        return ending
    spend = snapshot.ledger.current.spends.get(close.k)
    if spend is not None and spend.multiplier is not None:
        return None
    over = over_budget(snapshot)
    if over is None:
        return None
    assert snapshot.spec.privacy is not None
    if snapshot.spec.privacy.budget.on_exhausted == "Fail":
        return fail(snapshot, BUDGET_EXHAUSTED, over)
    reason = "its update is not aggregated, because the privacy budget is exhausted"
    unused = (Absent(participant=u.participant, reason=reason, code="BudgetExhausted") for u in close.updates)
    missing = {one.participant: one for one in (*unused, *close.absent)}
    return skip(snapshot, manifest, plan, missing, over, close)
