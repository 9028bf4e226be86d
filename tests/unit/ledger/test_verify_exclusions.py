"""Verification of rounds that were redone without a participant."""

import json
from pathlib import Path

from history import RUN_ID, WHO, write_history

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical_json, digest_of
from fedtrain.contracts.records import Exclusion
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify import verify
from tests.support.ledger_by_hand import Hand


def exclusion(who: str) -> Exclusion:
    return Exclusion(run_id=RUN_ID, round=1, participant=who, reason="its update is 1e38", decided_by="ada")


def redone(ledger: Ledger, listed: tuple[str, ...]) -> None:
    """Round 1 is redone without zoo. `listed`: participants whose updates the second close lists."""
    hand = Hand(ledger)
    hand.begin()
    plan = hand.plan(1)
    updates = {who: hand.update(1, who) for who in WHO}
    hand.close(1, tuple(updates.values()))
    record = ledger.claim(names.exclusion(1, "zoo"), exclusion("zoo"))
    digests = {"zoo": digest_of(record)}
    hand.record(plan, hand.close(1, tuple(updates[who] for who in listed), k=2, exclusions=digests))


def found(folder: Path) -> list[str]:
    """Names in the findings of another process, which remembers nothing."""
    ledger = Ledger(FileStore(folder / "runs"), "default", "demo")
    return [finding.name for finding in verify(ledger).findings]


def test_a_round_that_was_redone_without_a_participant_is_sound(folder_ledger: Ledger):
    redone(folder_ledger, ("museum", "observatory"))
    verified = verify(folder_ledger)
    assert (verified.findings, verified.notes) == ((), ())


def test_an_exclusion_that_was_changed_or_deleted_is_named(folder_ledger: Ledger, tmp_path: Path):
    redone(folder_ledger, ("museum", "observatory"))
    run = tmp_path / "runs" / "default" / "demo"
    path = run / names.exclusion(1, "zoo")
    path.write_bytes(canonical_json({**json.loads(path.read_bytes()), "reason": "none"}))
    assert found(tmp_path) == [names.exclusion(1, "zoo")]
    path.unlink()
    assert found(tmp_path) == [names.exclusion(1, "zoo")]


def test_a_close_that_lists_a_participant_that_it_excludes_is_named(folder_ledger: Ledger):
    redone(folder_ledger, WHO)
    assert [finding.name for finding in verify(folder_ledger).findings] == [names.close(1, 2)]


def test_an_exclusion_after_its_round_was_recorded_is_a_note(folder_ledger: Ledger):
    write_history(folder_ledger)
    folder_ledger.claim(names.exclusion(1, "zoo"), exclusion("zoo"))
    verified = verify(folder_ledger)
    assert verified.findings == ()
    assert [str(note) for note in verified.notes] == [
        f"{names.exclusion(1, 'zoo')}: had no effect: its round was recorded before"
    ]
