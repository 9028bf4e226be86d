"""When a round closes: all members of the plan have delivered or are given up, or the deadline passes.

The close lists (participant, attempt, digest) in plan order; a participant's lowest complete attempt counts; later
updates never enter. Below the minimum no close is written: the run fails or the round is skipped, as the file says.
"""

from fedtrain.contracts import names
from fedtrain.contracts.records import Absent, Close, Manifest, Plan
from fedtrain.plurals import several
from fedtrain.rounds.attempts import LONGEST_REASON
from fedtrain.rounds.counted_updates import delivered
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.excluding import exclusion_digests, next_close_number, why_excluded
from fedtrain.rounds.quorum import below_minimum, is_below_minimum
from fedtrain.rounds.reason_text import after_name
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because, reasons_of
from fedtrain.rounds.time_left import time_left
from fedtrain.rounds.unreachable import unreachable


def close_or_wait(work: Work, manifest: Manifest, plan: Plan) -> Decision:
    """Return the close if no participant is awaited, else the decision of `work`. `manifest`: of the previous round."""
    snapshot, ledger, spec = work.snapshot, work.snapshot.ledger, work.snapshot.spec
    updates = delivered(ledger)
    left_out = work.given_up | why_excluded(ledger)
    absent = {who: _left_out(work, who, left_out[who]) for m in plan.members if (who := m.participant) in left_out}
    possible = len(plan.members) - len(absent)
    untasked = {m.participant: work.untasked[m.participant] for m in plan.members if m.participant in work.untasked}
    if not is_below_minimum(possible - len(untasked), spec):
        absent |= untasked
        possible -= len(untasked)
    over = time_left(snapshot) <= 0
    if over:
        pending = [m.participant for m in plan.members if m.participant not in updates and m.participant not in absent]
        unreached = unreachable(snapshot)
        absent |= {who: _late(snapshot, who, unreached.get(who)) for who in pending}
        possible = len(updates)
    all_absent = {one.participant: one for one in plan.absent} | absent
    if is_below_minimum(possible, spec):
        return below_minimum(snapshot, manifest, plan, all_absent)
    if len(updates) == possible:
        close = Close(
            run_id=ledger.run.run_id,
            round=plan.round,
            k=next_close_number(ledger),
            epoch=snapshot.epoch,
            updates=tuple(updates.values()),
            absent=(*plan.absent, *(absent[m.participant] for m in plan.members if m.participant in absent)),
            exclusions=exclusion_digests(ledger),
        )
        return Decision("Closing", round=plan.round, actions=(Claim(names.close(plan.round, close.k), close),))
    lost = f", without {because(reasons_of(all_absent.values()))}" if all_absent else ""
    said = f"{len(updates)} of {several(len(plan.members), 'update')}{lost}"
    return work.decision("Training", said, until=[time_left(snapshot)])


def _left_out(work: Work, who: str, reason: str) -> Absent:
    return Absent(participant=who, reason=reason, code="BudgetExhausted" if who in work.out_of_budget else None)


def _late(snapshot: Snapshot, who: str, unreached: Absent | None) -> Absent:
    """Why a member missed the deadline, with the reason why its newest task is not running, if any."""
    late = f"it sent no update before the deadline of {snapshot.spec.rounds.deadline}"
    mine = (snapshot.ledger.round, "Train", who)
    tasks = {key.attempt: one for key, one in snapshot.executions.items() if (key.round, key.kind, key.who) == mine}
    waiting = {attempt: one.reason for attempt, one in tasks.items() if one.state == "Running" or one.ledger_refused}
    if waiting and (reason := waiting[max(waiting)]):
        late = f"{late}: {after_name(who, reason)}"
    elif unreached is not None:
        late = f"{late}, and {unreached.reason}"
    return Absent(participant=who, reason=late[:LONGEST_REASON], code=unreached.code if unreached else None)
