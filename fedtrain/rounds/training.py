"""Training: every member of the plan is pursued until it has delivered or is given up, or the deadline passes; then
the round closes on the updates that are there.

The close lists (participant, attempt, digest) in plan order; a participant's lowest complete attempt counts; nothing
enters later. Below the minimum no close is written: the run fails or the round is skipped, as the file says.
"""

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Absent, Close, Closed, Manifest, Plan
from fedtrain.rounds import orders
from fedtrain.rounds.below_minimum import below_minimum
from fedtrain.rounds.deadlines import time_left
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because


def train(snapshot: Snapshot, now: float, manifest: Manifest, plan: Plan) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    spent = spent_attempts(snapshot)
    work = Work(snapshot, now)
    delivered: dict[str, Closed] = {}
    for member in plan.members:
        who = member.participant
        update = first_update(snapshot, who, spent.get(who, {}))
        if update is not None:
            delivered[who] = update
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
        pending = [
            m.participant for m in plan.members if m.participant not in delivered and m.participant not in absent
        ]
        absent |= {who: _late(snapshot, who) for who in pending}
        possible = len(delivered)
    if possible < spec.minimum:
        return below_minimum(snapshot, manifest, plan, {a.participant: a.reason for a in plan.absent} | absent)
    if len(delivered) == possible:
        close = Close(
            run_id=ledger.run.run_id,
            round=plan.round,
            k=max((close.k for close in ledger.current.closes), default=0) + 1,
            epoch=snapshot.epoch,
            updates=tuple(delivered[m.participant] for m in plan.members if m.participant in delivered),
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
    said = f"{len(delivered)} of {len(plan.members)} updates{lost}"
    return work.decision("Training", said, until=[time_left(snapshot)])


def _late(snapshot: Snapshot, who: str) -> str:
    """With what is known of why: nothing, of one that trained all the time."""
    said = f"no update before the deadline of {snapshot.spec.rounds.deadline}"
    mine = (snapshot.ledger.round, "Train", who, "Running")
    there = snapshot.executions.items()
    waits = (one.reason for key, one in there if (key.round, key.kind, key.who, one.state) == mine and one.reason)
    reason = next(waits, None)
    return f"{said} ({reason})" if reason else said


def spent_attempts(snapshot: Snapshot) -> dict[str, dict[int, str]]:
    """Attempts that the ledger itself shows to be of no use: their file is missing or short, or they were
    quarantined by a close of this round."""
    spent: dict[str, dict[int, str]] = {}
    for (who, number), reason in snapshot.ledger.current.faults.items():
        spent.setdefault(who, {})[number] = reason
    for close in snapshot.ledger.current.closes:
        for bad in close.quarantined:
            spent.setdefault(bad.participant, {})[bad.attempt] = f"quarantined: {bad.reason}"
    return spent


def first_update(snapshot: Snapshot, who: str, spent: dict[int, str]) -> Closed | None:
    """The participant's lowest complete attempt."""
    updates = snapshot.ledger.current.updates
    complete = sorted(number for name, number in updates if name == who and number not in spent)
    if not complete:
        return None
    update = updates[who, complete[0]]
    return Closed(participant=who, attempt=complete[0], digest=update.digest, record=digest_of(update))
