"""`fedtrain status` calls a run's phase as the coordinator does, and so as kubectl shows it on a cluster."""

from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Initial, ModelFacts, Run
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import RUN_ID, SPEC, WHO, Hand

FACTS = ModelFacts(base_parameters=1_190_000, adapter_parameters=32, hidden_size=8, layers=1, vocabulary=32)
BLOB = digest_bytes(b"")


def phase(hand: Hand) -> str:
    return summarise(hand.ledger).phase


def count(hand: Hand, *participants: str) -> None:
    for who in participants:
        record = Preflight(run_id=RUN_ID, participant=who, samples=100, validation_samples=10, fingerprint=BLOB)
        hand.ledger.claim(names.preflight(who), record)


def test_round_0_is_called_by_what_it_waits_for(hand: Hand) -> None:
    hand.ledger.claim(names.RUN, Run(run_id=RUN_ID, namespace="default", name="quickstart", spec=SPEC))
    assert phase(hand) == "Initialising", "data are counted meanwhile"
    count(hand, WHO[0])
    assert phase(hand) == "Initialising"
    hand.ledger.claim(names.initial(), Initial(run_id=RUN_ID, adapter=BLOB, config=BLOB, facts=FACTS))
    assert phase(hand) == "Evaluating"
    hand.evaluation(0, 0, BLOB)
    assert phase(hand) == "Preflight", "two have not counted yet"
    count(hand, *WHO[1:])
    assert phase(hand) == "Recording"


def test_a_base_without_evaluation_waits_for_the_counting_only(hand: Hand) -> None:
    spec = {name: block for name, block in SPEC.items() if name != "evaluation"}
    hand.ledger.claim(names.RUN, Run(run_id=RUN_ID, namespace="default", name="quickstart", spec=spec))
    hand.ledger.claim(names.initial(), Initial(run_id=RUN_ID, adapter=BLOB, config=BLOB, facts=FACTS))
    assert phase(hand) == "Preflight"


def test_a_round_is_called_by_what_it_waits_for(hand: Hand) -> None:
    hand.begin()
    assert phase(hand) == "Planning"
    plan = hand.plan(1)
    assert phase(hand) == "Training"
    updates = tuple(hand.update(1, who) for who in WHO)
    assert phase(hand) == "Closing"
    close = hand.close(1, updates)
    assert phase(hand) == "Aggregating"
    aggregate = hand.aggregate(close)
    assert phase(hand) == "Evaluating"
    hand.evaluation(1, 1, aggregate.adapter)
    assert phase(hand) == "Recording"
    hand.record(plan, close)
    assert phase(hand) == "Planning"


def test_a_round_that_is_not_to_be_evaluated_is_recorded(hand: Hand) -> None:
    hand.spec = {**SPEC, "evaluation": {**SPEC["evaluation"], "every": 2}}
    hand.begin()
    hand.plan(1)
    hand.aggregate(hand.close(1, tuple(hand.update(1, who) for who in WHO)))
    assert phase(hand) == "Recording"
