"""A small run's whole history, record by record as the parts write it."""

from fedtrain.contracts.records import Manifest, Quarantined
from fedtrain.ledger.ledger import Ledger
from tests.support.ledger_by_hand import RUN_ID, WHO, Hand

__all__ = ["RUN_ID", "WHO", "write_history"]


def write_history(ledger: Ledger) -> None:
    """Round 1 committed, with an attempt of zoo's granted and observatory quarantined; round 2 skipped; round 3
    committed as round 1 was."""
    hand = Hand(ledger, stateful=True)
    hand.begin()
    _committed(hand, 1)
    plan = hand.plan(2)
    hand.fail(2)
    hand.record(plan, None, "Skipped")
    _committed(hand, 3)
    hand.end()


def _committed(hand: Hand, round: int) -> Manifest:
    plan = hand.plan(round)
    hand.grant(round, "zoo", 2, "out of memory")
    museum, observatory, zoo = (
        hand.update(round, "museum"),
        hand.update(round, "observatory"),
        hand.update(round, "zoo", 2),
    )
    hand.close(round, (museum, observatory, zoo))
    bad = Quarantined(participant="observatory", attempt=1, reason="not finite")
    return hand.record(plan, hand.close(round, (museum, zoo), k=2, quarantined=(bad,)))
