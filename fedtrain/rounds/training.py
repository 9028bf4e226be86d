"""Training: every member of the plan trains until it has delivered or is given up, or the deadline passes; then the
round closes on the updates that have arrived.

The close lists (participant, attempt, digest) in plan order; a participant's lowest complete attempt counts; later
updates never enter. Below the minimum no close is written: the run fails or the round is skipped, as the file says.
"""

from fedtrain.contracts import names
from fedtrain.contracts.records import Absent, Close, Manifest, Plan
from fedtrain.rounds import orders
from fedtrain.rounds.attempts import LONGEST_REASON
from fedtrain.rounds.below_minimum import below_minimum
from fedtrain.rounds.deadlines import time_left
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because
from fedtrain.rounds.updates import delivered, spent_attempts


def train(snapshot: Snapshot, now: float, manifest: Manifest, plan: Plan) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    spent, updates = spent_attempts(ledger), delivered(ledger)
    work = Work(snapshot, now)
    for member in plan.members:
        who = member.participant
        if who in updates:
            continue
        preflight = ledger.preflights[who]
        work.pursue(
            "Train",
            who,
            lambda key, member=member, preflight=preflight: orders.train_task(
                spec, ledger.run, key, plan, member, preflight, manifest
            ),
            spent.get(who),
        )
    absent = {
        member.participant: work.given_up[member.participant]
        for member in plan.members
        if member.participant in work.given_up
    }
    possible = len(plan.members) - len(absent)
    over = time_left(snapshot) <= 0
    if over:
        pending = [m.participant for m in plan.members if m.participant not in updates and m.participant not in absent]
        absent |= {who: _late(snapshot, who) for who in pending}
        possible = len(updates)
    if possible < spec.minimum:
        return below_minimum(snapshot, manifest, plan, {a.participant: a.reason for a in plan.absent} | absent)
    if len(updates) == possible:
        close = Close(
            run_id=ledger.run.run_id,
            round=plan.round,
            k=_next_close(snapshot, plan.round),
            epoch=snapshot.epoch,
            updates=tuple(updates.values()),
            absent=(
                *plan.absent,
                *(
                    Absent(participant=m.participant, reason=absent[m.participant])
                    for m in plan.members
                    if m.participant in absent
                ),
            ),
        )
        return Decision("Closing", round=plan.round, actions=(Claim(names.close(plan.round, close.k), close),))
    lost = f", without {because(absent)}" if absent else ""
    said = f"{len(updates)} of {len(plan.members)} updates{lost}"
    return work.decision("Training", said, until=[time_left(snapshot)])


def _next_close(snapshot: Snapshot, round: int) -> int:
    """One more than the newest close, past numbers whose names strays have taken."""
    k = max((close.k for close in snapshot.ledger.current.closes), default=0) + 1
    while names.close(round, k) in snapshot.ledger.strays:
        k += 1
    return k


def _late(snapshot: Snapshot, who: str) -> str:
    """Why a member missed the deadline, with the reason why its newest task is not running, if any."""
    late = f"no update before the deadline of {snapshot.spec.rounds.deadline}"
    mine = (snapshot.ledger.round, "Train", who)
    tasks = {key.attempt: one for key, one in snapshot.executions.items() if (key.round, key.kind, key.who) == mine}
    waiting = {attempt: one.reason for attempt, one in tasks.items() if one.state == "Running" or one.ledger_refused}
    reason = waiting[max(waiting)] if waiting else ""
    return f"{late} ({reason})"[:LONGEST_REASON] if reason else late
