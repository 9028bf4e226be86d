"""Which updates of the current round count: those of attempts that the coordinator issued, made for this plan."""

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Closed
from fedtrain.rounds.snapshot import LedgerFacts


def spent_attempts(ledger: LedgerFacts) -> dict[str, dict[int, str]]:
    """Issued attempts that can't deliver, with the reason, by participant: their record or file is faulty, or a close
    of this round quarantined them."""
    current, issued, spent = ledger.current, ledger.current.issued, dict[str, dict[int, str]]()
    if issued is None:
        return spent
    faults = dict(current.faults)
    for key, update in current.updates.items():
        if issued.contains(*key) and (fault := issued.fault(update)):
            faults[key] = fault
    for (who, number), reason in faults.items():
        if issued.contains(who, number):
            spent.setdefault(who, {})[number] = reason
    for close in current.closes:
        for bad in close.quarantined:
            spent.setdefault(bad.participant, {})[bad.attempt] = bad.absent.reason
    return spent


def delivered(ledger: LedgerFacts) -> dict[str, Closed]:
    """The lowest complete attempt of each member of the plan that has one and was not excluded, in plan order."""
    current, issued, spent = ledger.current, ledger.current.issued, spent_attempts(ledger)
    complete = dict[str, int]()
    for who, number in sorted(current.updates):
        if issued is not None and issued.contains(who, number) and number not in spent.get(who, {}):
            complete.setdefault(who, number)
    found: dict[str, Closed] = {}
    for who in (member.participant for member in current.plan.members) if current.plan else ():
        if who in complete and who not in current.exclusions:
            update = current.updates[who, complete[who]]
            found[who] = Closed(participant=who, attempt=complete[who], digest=update.digest, record=digest_of(update))
    return found
