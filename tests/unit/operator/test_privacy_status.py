"""The status of a private training."""

from typing import Any

import pytest
from fedtrain_operator.coordinator import status
from fedtrain_operator.coordinator.privacy_condition import forecast
from fedtrain_operator.coordinator.privacy_metrics import PrivacyMetrics
from fedtrain_operator.coordinator.progress import Progress, progressing
from fedtrain_operator.kube.cache import Cache
from prometheus_client import CollectorRegistry, generate_latest

from fedtrain.api.status_fields import PrivacyStatus
from fedtrain.contracts.privacy_blocks import PrivacyState, Releases
from fedtrain.contracts.records import Initial, Manifest, ModelFacts
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.manifests.conditions import find, merged
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
    terms = "delta 1e-05, unit Participant, update zeroed, hub trusted, exact Gaussian"
    assert found.summary == f"6.57 of 8 ({terms})", "the column of kubectl get"


def test_a_testing_seed_is_reported_in_place_of_epsilon() -> None:
    found = PrivacyStatus.model_validate(halted(testingSeed=1)["privacy"])
    assert (found.epsilon, found.summary) == ("not private (testingSeed)", "not private (testingSeed)")


@pytest.mark.parametrize(
    ("clipping", "noise", "trust"),
    [
        ("Server", "Server", "hub trusted"),
        ("Client", "Server", "hub trusted with clipped updates"),
        ("Client", "Client", "all but one participant trusted"),
    ],
)
def test_the_column_of_kubectl_names_the_trust_of_each_mode(clipping: str, noise: str, trust: str) -> None:
    found = halted(
        clipping={"type": "Fixed", "norm": 1.0, "location": clipping},
        noise={"type": "Multiplier", "multiplier": 1.0, "location": noise},
    )
    assert f"update zeroed, {trust}, exact Gaussian)" in found["privacy"]["summary"]


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


BLOCK = {
    "unit": "Participant",
    "budget": {"epsilon": 8, "delta": 1e-5},
    "clipping": {"type": "Fixed", "norm": 1.0},
}
PRIVATE: Json = {"aggregation": {"weights": "Uniform"}, "privacy": BLOCK}


def initial(parameters: int) -> Initial:
    facts = ModelFacts(base_parameters=1, adapter_parameters=parameters, hidden_size=1, layers=1, vocabulary=1)
    return Initial(run_id=run().run_id, adapter=DIGEST, config=DIGEST, facts=facts)


def test_the_forecast_is_a_condition_from_admission_on() -> None:
    body: Json = {"metadata": {"generation": 1}, "status": {}}
    whole = spec(**PRIVATE)
    (first,) = forecast(body, whole, LedgerFacts(run()))
    assert (first.type, first.status, first.reason) == ("PrivacyForecast", "Unknown", "SizeUnknown")
    assert "epsilon 8 of 8 at delta 1e-05" in first.message
    (large,) = forecast(body, whole, LedgerFacts(run(), initial=initial(58_000)))
    assert (large.status, large.reason) == ("False", "NoiseExceedsSignal")
    assert "times as large as the largest possible mean update" in large.message
    assert "participants, the noise is only as large as the update; aggregation.merge: FreezeA divides" in large.message
    (small,) = forecast(body, whole, LedgerFacts(run(), initial=initial(1)))
    assert (small.status, small.reason) == ("True", "SignalExceedsNoise")
    kept = {"metadata": {}, "status": {"conditions": merged((), [large], 1, 0.0)}}
    assert forecast(kept, whole, LedgerFacts(run())) == [], "the sizes are not read in every round"
    assert forecast(body, spec(), LedgerFacts(run())) == []


def test_the_forecast_for_single_rows_needs_their_number() -> None:
    body: Json = {"metadata": {"generation": 1}, "status": {}}
    whole = spec(privacy=BLOCK | {"unit": "Example"})
    (first,) = forecast(body, whole, LedgerFacts(run()))
    assert (first.status, first.reason) == ("Unknown", "RowsUnknown")
    preflights = {
        one.name: Preflight(
            run_id=run().run_id, participant=one.name, samples=1000, validation_samples=1, fingerprint=DIGEST
        )
        for one in whole.participants
    }
    (counted,) = forecast(body, whole, LedgerFacts(run(), preflights=preflights))
    assert (counted.status, counted.reason) == ("True", "RowsCounted")
    assert "bank-a: noise multiplier" in counted.message
    noise = {"type": "Multiplier", "multiplier": 0.9}
    small = spec(privacy=BLOCK | {"unit": "Example", "budget": {"epsilon": 0.1, "delta": 1e-5}, "noise": noise})
    (refused,) = forecast(body, small, LedgerFacts(run(), preflights=preflights))
    assert (refused.status, refused.reason) == ("False", "BudgetTooSmall")
    assert refused.message.startswith("0 of 2 participants can take part in a round, but rounds.minParticipants is ")
    facts = ModelFacts(base_parameters=1, adapter_parameters=10, hidden_size=4, layers=1, vocabulary=32)
    initial = Initial(run_id=run().run_id, adapter=DIGEST, config=DIGEST, facts=facts)
    (sized,) = forecast(body, whole, LedgerFacts(run(), preflights=preflights, initial=initial))
    assert "The mean gradient of a step may be" in sized.message
    body["status"]["conditions"] = [{"type": "PrivacyForecast", "status": "True"}]
    assert forecast(body, whole, LedgerFacts(run(), preflights=preflights)) == [], "not replaced by one without sizes"


def test_metrics_have_epsilon_with_its_terms() -> None:
    trainings = Cache()
    for name, epsilon in (("tickets", "6.57 of 8"), ("test", "not private (testingSeed)")):
        terms = {"unit": "Participant", "relation": "zeros", "trust": "hub", "accountant": "exact"}
        privacy = {"epsilon": epsilon, "delta": 1e-5, **terms}
        metadata = {"name": name, "namespace": "hub", "uid": name, "resourceVersion": "1"}
        trainings.put({"metadata": metadata, "status": {"privacy": privacy}})
    trainings.put({"metadata": {"name": "plain", "namespace": "hub", "uid": "p", "resourceVersion": "1"}})
    registry = CollectorRegistry()
    registry.register(PrivacyMetrics(trainings))
    terms = 'accountant="exact",delta="1e-05",name="tickets",namespace="hub",relation="zeros"'
    terms += ',trust="hub",unit="Participant"'
    text = generate_latest(registry).decode()
    assert [line for line in text.splitlines() if line and line[0] != "#"] == [
        f"fedtrain_privacy_epsilon{{{terms}}} 6.57",
        f"fedtrain_privacy_budget_epsilon{{{terms}}} 8.0",
    ]
