"""Events of a run whose rounds another coordinator records, too."""

from pathlib import Path

from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.events import Delivered, Event, Planned, Recorded
from fedtrain.runner.round_events import RoundEvents
from tests.support.ledger_by_hand import WHO, Hand


def test_every_round_and_update_is_reported_however_many_were_recorded_at_once(tmp_path: Path) -> None:
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    hand = Hand(ledger)
    hand.begin()
    run = ledger.read(names.RUN, Run)
    assert run is not None
    events: list[Event] = []
    teller = RoundEvents(ledger, events.append, lambda: 0.0)
    teller.tell(LedgerGatherer(ledger, run).gather())
    plan = hand.plan(1)
    first = hand.update(1, "zoo")
    teller.tell(LedgerGatherer(ledger, run).gather())
    rest = tuple(hand.update(1, who) for who in WHO if who != "zoo")
    hand.record(plan, hand.close(1, (first, *rest)))
    hand.whole_round(2)
    teller.tell(LedgerGatherer(ledger, run).gather())
    assert [event.plan.round for event in events if isinstance(event, Planned)] == [1, 2]
    assert [event.manifest.round for event in events if isinstance(event, Recorded)] == [1, 2]
    updates = [(event.update.round, event.update.participant) for event in events if isinstance(event, Delivered)]
    assert sorted(updates) == sorted((round, who) for round in (1, 2) for who in WHO)
