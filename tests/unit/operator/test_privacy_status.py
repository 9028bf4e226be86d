"""The status of a private training."""

from typing import Any

from fedtrain_operator.coordinator import status
from fedtrain_operator.coordinator.progress import Progress, progressing

from fedtrain.api.status import PrivacyStatus
from fedtrain.contracts.records import Manifest, PrivacyState, Releases
from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.snapshot import LedgerFacts, RoundRecords, Snapshot
from tests.unit.operator.worlds import run, spec

DIGEST = "blake3:" + 64 * "0"


def halted(**privacy: Any) -> Json:
    """The status of a training that halted after two rounds with noise multiplier 1."""
    block = {
        "unit": "Participant",
        "budget": {"epsilon": 8, "delta": 1e-5},
        "noise": {"type": "Multiplier", "multiplier": 1.0},
        "clipping": {"type": "Fixed", "norm": 1.0},
    }
    manifest = Manifest(
        run_id=run().run_id,
        round=2,
        outcome="Committed",
        step=2,
        adapter=DIGEST,
        config=DIGEST,
        privacy=PrivacyState(bound=1.0, spent=(Releases(multiplier=1.0, count=2),)),
        previous=DIGEST,
    )
    whole = spec(aggregation={"weights": "Uniform"}, privacy={**block, **privacy})
    snapshot = Snapshot(whole, LedgerFacts(run(), manifest=manifest, current=RoundRecords(3)), {}, 0.0)
    decision = Decision("Halted", "the privacy budget is exhausted", 2)
    body: Json = {"metadata": {"generation": 1}, "status": {}}
    return status.of(body, decision, snapshot, (), RoundClock(3, 1, 0.0), (), 0.0)


def test_epsilon_is_reported_with_its_terms() -> None:
    found = PrivacyStatus.model_validate(halted()["privacy"])
    assert (found.epsilon, found.delta, found.unit) == ("6.57 of 8", 1e-5, "Participant")
    assert found.relation == "one participant's update replaced by zeros, in every round"
    assert found.trust == "participants trust the hub with their updates"
    assert found.accountant == "exact Gaussian"


def test_a_testing_seed_is_reported_in_place_of_epsilon() -> None:
    assert halted(testingSeed=1)["privacy"]["epsilon"] == "not private (testingSeed)"


def test_a_halted_training_is_complete_and_says_why() -> None:
    complete = find(halted()["conditions"], "Complete")
    assert complete is not None
    assert (complete["status"], complete["reason"]) == ("True", "Halted")
    assert complete["message"] == "the privacy budget is exhausted"
    assert progressing("Halted", Progress(0.0, 0.0), 1.0, 100.0).status == "True"


def test_a_training_without_privacy_reports_none() -> None:
    snapshot = Snapshot(spec(), LedgerFacts(run()), {}, 0.0)
    body: Json = {"metadata": {"generation": 1}, "status": {}}
    found = status.of(body, Decision("Training"), snapshot, (), RoundClock(0, 1, 0.0), (), 0.0)
    assert "privacy" not in found
