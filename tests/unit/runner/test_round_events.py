"""Events of a run whose rounds another coordinator records, too."""

from pathlib import Path

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.events import Delivered, Event, Planned, Recorded
from fedtrain.runner.progress.text import recorded_text
from fedtrain.runner.round_events import RoundEvents
from tests.support.ledger_by_hand import GATED, HUB, WHO, Hand


def test_every_round_and_update_is_reported_however_many_were_recorded_at_once(tmp_path: Path) -> None:
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    hand = Hand(ledger, GATED)
    hand.begin()
    run = ledger.read(names.RUN, Run)
    assert run is not None
    events: list[Event] = []
    teller = RoundEvents(FederatedTrainingSpec.model_validate(GATED), ledger, events.append, lambda: 0.0)
    teller.tell(LedgerGatherer(ledger, run).gather())
    plan = hand.plan(1)
    first = hand.update(1, "zoo")
    teller.tell(LedgerGatherer(ledger, run).gather())
    rest = tuple(hand.update(1, who) for who in WHO if who != "zoo")
    hand.record(plan, hand.close(1, (first, *rest)))
    hand.roll_back(2, accuracy=0.3, best=HUB[1])
    teller.tell(LedgerGatherer(ledger, run).gather())
    planned = [event for event in events if isinstance(event, Planned)]
    assert [event.plan.round for event in planned] == [1, 2]
    assert planned[0].trained == dict.fromkeys(WHO, 25 * 32)
    recorded = [event for event in events if isinstance(event, Recorded)]
    assert [event.manifest.round for event in recorded] == [1, 2]
    assert [recorded_text(event, 3) for event in recorded] == [
        "round 1/3  committed  loss 2.176  accuracy 41.2%  0.0 s",
        "round 2/3  rolled back: accuracy 30.0% is worse than the best so far, 41.2%, by more than the gate's "
        "maxRegression 2.0%  0.0 s",
    ]
    updates = [(event.update.round, event.update.participant) for event in events if isinstance(event, Delivered)]
    assert sorted(updates) == sorted((round, who) for round in (1, 2) for who in WHO)
