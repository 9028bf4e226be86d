"""A training's status, columns and events of rounds that `evaluation.gate` rolled back."""

from pathlib import Path

from fedtrain_operator.coordinator import status
from fedtrain_operator.coordinator.events import changes
from fedtrain_operator.coordinator.round_history import last_rounds

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.snapshot import Snapshot
from tests.support.ledger_by_hand import GATED, HUB, Hand

SPEC = FederatedTrainingSpec.model_validate(GATED)
WHY = "accuracy 30.0% is worse than the best so far, 41.2%, by more than the gate's maxRegression 2.0%"


def test_a_rejected_value_is_never_the_metric_of_the_training(tmp_path: Path) -> None:
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    hand = Hand(ledger, GATED)
    hand.begin()
    hand.whole_round(1)
    hand.roll_back(2, accuracy=0.3, best=HUB[1])
    run = ledger.read(names.RUN, Run)
    assert run is not None
    facts = LedgerGatherer(ledger, run).gather()
    rounds = last_rounds(SPEC, ledger, facts)
    assert rounds[2] == {"round": 2, "outcome": "RolledBack", "participants": "3/3", "reason": WHY}

    def of(body: Json, listed: list[Json]) -> Json:
        clock = RoundClock(3, 1, 0.0)
        return status.of(body, Decision("Training"), Snapshot(SPEC, facts, {}, 0.0), listed, clock, (), 0.0)

    shown = of({"metadata": {}}, rounds)
    assert shown["metric"] == "accuracy 41.2%", "the column of kubectl get"
    assert of({"metadata": {}, "status": shown}, rounds[2:])["metric"] == "accuracy 41.2%", "of a round not listed now"
    event = next(changes({"lastRounds": rounds[:2]}, {"lastRounds": rounds}))
    assert (event.type, event.reason) == ("Warning", "RoundRolledBack")
    assert event.message == f"round 2: 3/3 updates, rolled back: {WHY}"
