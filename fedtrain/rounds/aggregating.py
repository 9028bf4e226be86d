"""After the close: aggregate, evaluate, record.

The close of the highest number stands. The aggregator writes a further one, a subset, when bytes fail its checks; one
that fell below the minimum ends the run or the round, and once the user resumes after that failure it no longer stands:
the quarantined participants get new attempts, and a further close lists what is valid then.
"""

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Close, Manifest, Plan
from fedtrain.rounds.below_minimum import BELOW_MINIMUM, below_minimum
from fedtrain.rounds.decision import AggregateOrder, Claim, Decision
from fedtrain.rounds.evaluating import evaluate
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, fail


def standing_close(snapshot: Snapshot) -> Close | None:
    """The close that counts; None while the round is open."""
    if not snapshot.ledger.current.closes:
        return None
    last = max(snapshot.ledger.current.closes, key=lambda close: close.k)
    dead = len(last.updates) < snapshot.spec.minimum and any(
        failure.reason == BELOW_MINIMUM and failure.round == last.round and epoch >= last.epoch
        for epoch, failure in enumerate(snapshot.ledger.failures, 1)
    )
    return None if dead else last


def aggregate(snapshot: Snapshot, now: float, manifest: Manifest, plan: Plan, close: Close) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    if len(close.updates) < spec.minimum:
        missing = {a.participant: a.reason for a in close.absent}
        missing |= {bad.participant: f"quarantined: {bad.reason}" for bad in close.quarantined}
        return below_minimum(snapshot, manifest, plan, missing, close)
    work = Work(snapshot, now)
    aggregated = ledger.current.aggregates.get(close.k)
    if aggregated is None:
        who = f"_aggregate-{close.k}"
        failed = work.hub_job("Aggregate", who, lambda _: AggregateOrder(plan.round, close.k))
        if failed:
            return fail(snapshot, "AggregationFailed", f"round {plan.round} can't be aggregated: {failed}")
        return work.decision("Aggregating")
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
        previous=digest_of(manifest),
    )
    return Decision("Recording", round=plan.round, actions=(Claim(names.manifest(plan.round), committed),))
