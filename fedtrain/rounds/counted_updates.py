"""Which updates of the current round count: those of attempts that the coordinator issued, made for this plan."""

from fedtrain.contracts import issued_updates
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Closed
from fedtrain.rounds.snapshot import LedgerFacts


def spent_attempts(ledger: LedgerFacts) -> dict[str, dict[int, str]]:
    """Issued attempts that can't deliver, with the reason, by participant: their record or file is faulty, or a close
    of this round quarantined them."""
    current, spent = ledger.current, dict[str, dict[int, str]]()
    if current.plan is None:
        return spent
    faults = dict(current.faults)
    for key, update in current.updates.items():
        if _issued(ledger, *key) and (fault := issued_updates.fault(current.plan, update)):
            faults[key] = fault
    for (who, number), reason in faults.items():
        if _issued(ledger, who, number):
            spent.setdefault(who, {})[number] = reason
    for close in current.closes:
        for bad in close.quarantined:
            spent.setdefault(bad.participant, {})[bad.attempt] = bad.absent.reason
    return spent


def delivered(ledger: LedgerFacts) -> dict[str, Closed]:
    """The lowest complete attempt of each member of the plan that has one and was not excluded, in plan order."""
    plan, updates, spent = ledger.current.plan, ledger.current.updates, spent_attempts(ledger)
    found: dict[str, Closed] = {}
    for who in (member.participant for member in plan.members) if plan else ():
        if who in ledger.current.exclusions:
            continue
        complete = sorted(
            number
            for name, number in updates
            if name == who and number not in spent.get(who, {}) and _issued(ledger, who, number)
        )
        if complete:
            update = updates[who, complete[0]]
            found[who] = Closed(participant=who, attempt=complete[0], digest=update.digest, record=digest_of(update))
    return found


def _issued(ledger: LedgerFacts, who: str, attempt: int) -> bool:
    plan = ledger.current.plan
    return plan is not None and issued_updates.was_issued(plan, ledger.current.grants, who, attempt)
