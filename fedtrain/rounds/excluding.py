"""Redoing an open round without a participant, because a person has excluded it.

The exclusion is a record of the round. A close that lists an excluded participant is followed by a further close
without it; the round is aggregated again from there. A recorded round stays: its manifest is final.
"""

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Absent, Close
from fedtrain.rounds.attempts import LONGEST_REASON
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.snapshot import LedgerFacts, Snapshot


def why_excluded(ledger: LedgerFacts) -> dict[str, str]:
    """Excluded participants of the current round, and why."""
    exclusions = ledger.current.exclusions.values()
    return {one.participant: f"excluded by {one.decided_by}: {one.reason}"[:LONGEST_REASON] for one in exclusions}


def exclusion_digests(ledger: LedgerFacts) -> dict[str, Digest] | None:
    """What a close of the current round says in `exclusions`."""
    return {who: digest_of(one) for who, one in sorted(ledger.current.exclusions.items())} or None


def next_close_number(ledger: LedgerFacts) -> int:
    """One more than the newest close, past numbers whose names strays have taken."""
    k = max((close.k for close in ledger.current.closes), default=0) + 1
    while names.close(ledger.current.round, k) in ledger.strays:
        k += 1
    return k


def without_excluded(snapshot: Snapshot, close: Close) -> Decision | None:
    """Claim the close that follows `close` without the participants that were excluded since; None if it lists none of
    them. It only takes updates away, as every further close of an epoch does."""
    ledger, reasons = snapshot.ledger, why_excluded(snapshot.ledger)
    kept = tuple(update for update in close.updates if update.participant not in reasons)
    if len(kept) == len(close.updates):
        return None
    excluded = [update.participant for update in close.updates if update.participant in reasons]
    following = close.model_copy(
        update={
            "k": next_close_number(ledger),
            "epoch": snapshot.epoch,
            "updates": kept,
            "absent": (*close.absent, *(Absent(participant=who, reason=reasons[who]) for who in excluded)),
            "exclusions": exclusion_digests(ledger),
        }
    )
    claim = Claim(names.close(close.round, following.k), following)
    return Decision("Closing", f"without {', '.join(excluded)}", close.round, (claim,))
