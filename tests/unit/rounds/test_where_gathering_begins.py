"""A gatherer may be told where the run probably stands. That saves it the rounds before, and decides nothing."""

import shutil
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Initial, Manifest, ModelFacts, Plan, PlanMember, Run
from fedtrain.contracts.run_end import Failure
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger, LedgerCorrupt

DIGEST = "blake3:" + "0" * 64
RUN = Run(run_id="run-1", namespace="default", name="demo", spec={})
PREFLIGHT = Preflight(run_id="run-1", participant="bank-a", samples=9, validation_samples=1, fingerprint=DIGEST)
FACTS = ModelFacts(base_parameters=1, adapter_parameters=1, hidden_size=1, layers=1, vocabulary=1)


def manifest(round: int) -> Manifest:
    outcome = "Committed" if round else "Initial"
    return Manifest(
        run_id="run-1", round=round, outcome=outcome, step=round, adapter=DIGEST, config=DIGEST, previous=DIGEST
    )


def plan(round: int) -> Plan:
    member = PlanMember(participant="bank-a", start=0, samples=4, distinct=4, seed=1)
    return Plan(
        run_id="run-1",
        round=round,
        previous=DIGEST,
        members=(member,),
        preflights=(PREFLIGHT,),
        progress_start=0.0,
        progress_end=1.0,
        positions={"bank-a": 4 * round, "bank-b": 0},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Rounds 0 to 2 are over, round 3 is planned; bank-b has not counted its data; the run has failed once."""
    made = Ledger(FileStore(tmp_path), "default", "demo")
    made.claim(names.RUN, RUN)
    made.claim(names.preflight("bank-a"), PREFLIGHT)
    made.claim(names.initial(), Initial(run_id="run-1", adapter=DIGEST, config=DIGEST, facts=FACTS))
    for round in range(3):
        made.claim(names.manifest(round), manifest(round))
    for round in range(1, 4):
        made.claim(names.plan(round), plan(round))
    made.claim(names.failure(1), Failure(run_id="run-1", number=1, round=3, reason="r", message="m"))
    return made


@pytest.mark.parametrize("hint", [1, 2, 3, 4, 99])
def test_right_or_wrong_a_hint_changes_nothing_of_what_is_found(ledger: Ledger, hint: int) -> None:
    found = LedgerGatherer(ledger, RUN).gather()
    assert (found.round, found.manifest, found.current.plan) == (3, manifest(2), plan(3))
    assert (list(found.preflights), len(found.failures), found.end) == (["bank-a"], 1, None)
    assert LedgerGatherer(ledger, RUN, hint).gather() == found


@pytest.mark.parametrize("hint", [0, 1, 2, 3, 4, 99])
def test_before_there_is_a_plan_all_that_planning_needs_is_found(ledger: Ledger, hint: int) -> None:
    ledger.store.delete(f"default/demo/{names.plan(3)}")
    found = LedgerGatherer(ledger, RUN, hint).gather()
    assert (found.round, found.manifest, found.last_plan) == (3, manifest(2), plan(2))
    assert (list(found.preflights), found.initial is not None) == (["bank-a"], True)


def test_with_a_hint_the_rounds_before_are_not_read(ledger: Ledger) -> None:
    found = LedgerGatherer(ledger, RUN).gather()
    for round in (0, 1):
        ledger.store.delete(f"default/demo/{names.manifest(round)}")
    assert LedgerGatherer(ledger, RUN, 3).gather() == found


def test_the_preflights_that_a_plan_rests_on_are_not_read_again(ledger: Ledger) -> None:
    found = LedgerGatherer(ledger, RUN, 3).gather()
    ledger.store.delete(f"default/demo/{names.preflight('bank-a')}")
    assert LedgerGatherer(ledger, RUN, 3).gather() == found


def test_who_answers_late_is_found_in_a_round_that_is_planned(ledger: Ledger) -> None:
    gatherer = LedgerGatherer(ledger, RUN, 3)
    assert list(gatherer.gather().preflights) == ["bank-a"]
    late = Preflight(run_id="run-1", participant="bank-b", samples=9, validation_samples=1, fingerprint=DIGEST)
    ledger.claim(names.preflight("bank-b"), late)
    assert list(gatherer.gather().preflights) == ["bank-a", "bank-b"]


def test_a_ledger_whose_folder_is_deleted_during_a_run_is_not_recreated(ledger: Ledger, tmp_path: Path) -> None:
    gatherer = LedgerGatherer(ledger, RUN)
    gatherer.gather()
    shutil.rmtree(tmp_path / "default")
    with pytest.raises(LedgerCorrupt, match=r"0003/plan.json has disappeared. Restore the ledger"):
        gatherer.gather()
