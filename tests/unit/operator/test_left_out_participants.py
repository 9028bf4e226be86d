"""Participants that a round was aggregated without: the status and the events have their shares of all rows."""

from pathlib import Path

from fedtrain_operator.coordinator.events import changes
from fedtrain_operator.coordinator.round_history import last_rounds

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Absent, Quarantined, Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.manifests.kinds import Json
from tests.support.ledger_by_hand import SPEC, Hand

LATE, WRONG = "no update before the deadline of 2h", "its values are not finite"


def rounds_of(ledger: Ledger) -> list[Json]:
    run = ledger.read(names.RUN, Run)
    assert run is not None
    return last_rounds(FederatedTrainingSpec.model_validate(SPEC), ledger, LedgerGatherer(ledger, run).gather())


def test_the_status_and_the_events_name_each_one_with_the_reason_and_the_share_of_the_rows(tmp_path: Path) -> None:
    """museum has 1000 of all 3300 rows, observatory 1100."""
    hand = Hand(Ledger(FileStore(tmp_path), "default", "demo"))
    hand.begin()
    plan = hand.plan(1)
    update = hand.update(1, "zoo")
    bad = Quarantined(participant="observatory", attempt=1, reason=WRONG)
    hand.record(plan, hand.close(1, (update,), absent=(Absent(participant="museum", reason=LATE),), quarantined=(bad,)))
    before, *_ = rounds = rounds_of(hand.ledger)
    assert rounds[1]["leftOut"] == [
        {"participant": "museum", "reason": LATE, "rowShare": "30%"},
        {"participant": "observatory", "reason": f"quarantined: {WRONG}", "rowShare": "33%"},
    ]
    events = [one for one in changes({"lastRounds": [before]}, {"lastRounds": rounds}) if one.reason == "LeftOut"]
    assert [one.type for one in events] == ["Warning", "Warning"]
    assert f"museum (30% of all participants' rows): {LATE}" in events[0].message
    assert f"observatory (33% of all participants' rows): quarantined: {WRONG}" in events[1].message


def test_a_participant_that_has_not_counted_its_rows_has_no_share(tmp_path: Path) -> None:
    hand = Hand(Ledger(FileStore(tmp_path), "default", "demo"))
    hand.begin()
    plan = hand.plan(1, absent=(Absent(participant="aquarium", reason=LATE, code="Silent"),))
    closed = hand.close(1, tuple(hand.update(1, one.participant) for one in plan.members), absent=plan.absent)
    hand.record(plan, closed)
    assert rounds_of(hand.ledger)[1]["leftOut"] == [{"participant": "aquarium", "reason": LATE, "code": "Silent"}]
