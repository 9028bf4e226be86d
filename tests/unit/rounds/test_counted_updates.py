"""Which updates of a round count, with many participants."""

import pytest

from fedtrain.contracts import issued_updates, names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Grant, Plan, PlanMember, Run
from fedtrain.rounds.counted_updates import delivered, spent_attempts
from fedtrain.rounds.snapshot import LedgerFacts, RoundRecords
from tests.support.tasks import DIGEST, RUN_ID
from tests.support.updates import an_update

COUNT = 200
MEMBERS = tuple(f"bank-{number:03}" for number in range(COUNT))
PLAN = Plan(
    run_id=RUN_ID,
    round=1,
    previous=DIGEST,
    members=tuple(PlanMember(participant=who, start=0, samples=1, distinct=1, seed=1) for who in MEMBERS),
    progress_start=0.0,
    progress_end=1.0,
)


def facts() -> LedgerFacts:
    """All have delivered; the first attempt of the first member has a record that counts other samples."""
    file = f"{names.plan_prefix(digest_of(PLAN))}a.safetensors"
    updates = {(who, 1): an_update(participant=who, file=file) for who in MEMBERS}
    updates[MEMBERS[0], 1] = an_update(participant=MEMBERS[0], file=file, samples=2)
    updates[MEMBERS[0], 2] = an_update(participant=MEMBERS[0], attempt=2, file=file)
    updates[MEMBERS[1], 2] = an_update(participant=MEMBERS[1], attempt=2, file=file)
    updates["stranger", 1] = an_update(participant="stranger", file=file)
    grant = Grant(run_id=RUN_ID, round=1, who=MEMBERS[0], attempt=2, epoch=1, cause="Failed", reason="r")
    run = Run(run_id=RUN_ID, namespace="default", name="demo", spec={})
    return LedgerFacts(run, current=RoundRecords(1, PLAN, (grant,), updates))


def test_the_lowest_attempt_that_was_issued_and_has_no_fault_counts() -> None:
    assert {who: closed.attempt for who, closed in delivered(facts()).items()} == {
        who: 2 if who == MEMBERS[0] else 1 for who in MEMBERS
    }
    assert spent_attempts(facts()) == {MEMBERS[0]: {1: "its record counts 2 samples, but the plan has 1"}}


def test_a_plan_of_many_participants_is_hashed_once_for_all_their_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Plan] = []

    def counting(record: Plan) -> str:
        hashed.append(record)
        return digest_of(record)

    monkeypatch.setattr(issued_updates, "digest_of", counting)
    ledger = facts()
    assert len(delivered(ledger)) == COUNT
    assert len(spent_attempts(ledger)) == 1
    assert hashed == [PLAN]
