"""The decision: where the run stands, and what to do next.

Pure and total: the same snapshot and time give the same decision, and no snapshot raises. One file a stage; the first
of these that applies decides:

    ended       the run has its end, or a failure that the user has not resumed from
    suspended   nothing runs
    initialise  round 0: each participant's data counted, the first adapter made and measured
    gate        the gate rejected too many rounds in a row: finish
    stop early  the adapter no longer improves: finish
    budget      the privacy budget allows no further round: finish, or fail
    finish      after the last round: measure the final adapter at the participants, write the end
    plan        the round has no plan
    train       the round has no close that counts
    exclude     the close lists a participant that was excluded since
    aggregate   aggregate, evaluate, write the manifest
"""

from dataclasses import replace

from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest, Plan
from fedtrain.privacy.accounting import AccountingError
from fedtrain.rounds.aggregating import aggregate, standing_close
from fedtrain.rounds.decision import STOPPED, Decision
from fedtrain.rounds.early_stopping import stopped
from fedtrain.rounds.excluding import without_excluded
from fedtrain.rounds.finishing import EarlyEnd, finish
from fedtrain.rounds.gate_rollback import REGRESSED, closed
from fedtrain.rounds.initialising import initialise
from fedtrain.rounds.plan_flaw import plan_flaw
from fedtrain.rounds.planning import plan as plan_round
from fedtrain.rounds.preflight import inspect
from fedtrain.rounds.privacy_budget import BUDGET_EXHAUSTED, not_accounted, over_budget
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, fail
from fedtrain.rounds.tasks_to_stop import unwanted
from fedtrain.rounds.training import train


def decide(snapshot: Snapshot, now: float) -> Decision:
    """`now`: seconds on the coordinator's clock, the one of `Execution.ended_at`."""
    try:
        decision = _stage(snapshot, now)
    except AccountingError as error:
        decision = not_accounted(snapshot, error)
    if decision.phase not in STOPPED and 1 <= snapshot.ledger.round < snapshot.spec.rounds.count:
        decision = _asking(snapshot, now, decision)
    return replace(decision, actions=unwanted(snapshot, decision) + decision.actions)


def _asking(snapshot: Snapshot, now: float, decision: Decision) -> Decision:
    """`decision`, and meanwhile the data of those is counted that could still join a later round."""
    work = Work(snapshot, now)
    inspect(work)
    waits = work.waits if decision.wake_after is None else [*work.waits, decision.wake_after]
    return replace(
        decision,
        actions=(*decision.actions, *work.actions),
        keep=decision.keep | work.keep,
        wake_after=min(waits, default=None),
    )


def _stage(snapshot: Snapshot, now: float) -> Decision:
    ledger = snapshot.ledger
    if ledger.end is not None:
        return Decision(ledger.end.outcome, ledger.end.message or "", ledger.end.round)
    if len(ledger.failures) > snapshot.acknowledged:
        failure = ledger.failures[-1]
        return Decision("Failed", failure.message, failure.round, reason=failure.reason)
    if snapshot.suspended:
        return Decision("Suspended", round=ledger.current.round)
    if ledger.manifest is None:
        return initialise(snapshot, now)
    if ledger.current.round > snapshot.spec.rounds.count:
        return finish(snapshot, now, ledger.manifest)
    if ledger.current.plan is None:
        return _next_round(snapshot, now, ledger.manifest)
    return _open_round(snapshot, now, ledger.manifest, ledger.current.plan)


def _open_round(snapshot: Snapshot, now: float, manifest: Manifest, plan: Plan) -> Decision:
    if (flaw := plan_flaw(snapshot, manifest, plan)) is not None:
        name = names.plan(plan.round)
        return fail(snapshot, "PlanInvalid", f"{name} is not this run's: {flaw}. Start a run with another name.")
    close = standing_close(snapshot)
    if close is None:
        return train(snapshot, now, manifest, plan)
    return without_excluded(snapshot, close) or aggregate(snapshot, now, manifest, plan, close)


def _next_round(snapshot: Snapshot, now: float, manifest: Manifest) -> Decision:
    if (regressed := closed(snapshot, manifest)) is not None:
        return finish(snapshot, now, manifest, EarlyEnd(regressed, failure=REGRESSED))
    if (unimproved := stopped(snapshot, manifest)) is not None:
        return finish(snapshot, now, manifest, EarlyEnd(unimproved, "Succeeded"))
    over = over_budget(snapshot)
    if over is None:
        return plan_round(snapshot, manifest)
    assert snapshot.spec.privacy is not None
    if snapshot.spec.privacy.budget.on_exhausted == "Fail":
        return fail(snapshot, BUDGET_EXHAUSTED, over)
    return finish(snapshot, now, manifest, EarlyEnd(over, failure=BUDGET_EXHAUSTED))
