"""Training: every member of the plan trains until it has delivered or is given up, or until the round closes."""

from fedtrain.contracts.records import Manifest, Plan
from fedtrain.rounds import orders
from fedtrain.rounds.closing import close_or_wait
from fedtrain.rounds.counted_updates import delivered, spent_attempts
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.example_privacy import barred
from fedtrain.rounds.excluding import why_excluded
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work


def train(snapshot: Snapshot, now: float, manifest: Manifest, plan: Plan) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    spent, updates, excluded = spent_attempts(ledger), delivered(ledger), why_excluded(ledger)
    work = Work(snapshot, now)
    for member in plan.members:
        who = member.participant
        if who in updates or who in excluded:
            continue
        preflight = ledger.preflights[who]
        work.pursue(
            "Train",
            who,
            lambda key, member=member, preflight=preflight: orders.train_task(
                spec, ledger.run, key, plan, member, preflight, manifest, ledger.base_fingerprint
            ),
            spent.get(who),
            lambda who=who, noise=member.example_noise: barred(snapshot, who, noise) if noise else "",
        )
    return close_or_wait(work, manifest, plan)
