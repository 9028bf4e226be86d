"""Verification says which updates count, and which no task or telemetry stands behind."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged_run import flip, found_in, rewrite, update_file

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical_json
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify import Verification, verify


@pytest.mark.parametrize("tamper", [flip, Path.unlink, lambda path: path.write_bytes(path.read_bytes() + b"x")])
def test_an_update_file_that_was_changed_is_named(run: Path, tamper: Callable[[Path], object]):
    name = update_file(run, "zoo", 2)
    tamper(run / name)
    assert found_in(run) == [name]


def test_an_update_that_was_quarantined_need_not_be_sound(run: Path):
    flip(run / update_file(run, "observatory", 1))
    assert found_in(run) == []


def verification(run: Path) -> Verification:
    return verify(Ledger(FileStore(run.parent.parent), "default", "demo"))


def test_an_update_that_was_listed_without_being_issued_is_a_finding(run: Path):
    plan = run / names.plan(3)
    rewrite(plan, members=[m for m in json.loads(plan.read_bytes())["members"] if m["participant"] != "museum"])
    problems = [str(finding) for finding in verification(run).findings]
    name = names.update(3, "museum", 1)
    assert f"{name}: is listed by {names.close(3, 1)}, but no task was issued for it" in problems


def test_an_update_that_another_plan_was_made_for_is_a_finding(run: Path):
    rewrite(run / names.plan(3), progressStart=0.5)
    problems = [str(finding) for finding in verification(run).findings]
    assert any(f"{names.update(3, 'museum', 1)}: " in p and "does not name this round's plan" in p for p in problems)


def test_updates_that_nothing_stands_behind_are_noted(run: Path):
    shutil.rmtree(run / "telemetry" / "rounds" / "0001" / "museum-1")
    record = json.loads((run / names.update(1, "zoo", 2)).read_bytes())
    (run / names.update(1, "zoo", 7)).parent.mkdir()
    (run / names.update(1, "zoo", 7)).write_bytes(canonical_json({**record, "attempt": 7}))
    found = verification(run)
    assert found.sound
    assert [str(note) for note in found.notes] == [
        f"{names.update(1, 'museum', 1)}: has no telemetry: a trainer that ran its task would have left some",
        f"{names.update(1, 'zoo', 7)}: was ignored: no task was issued for it",
    ]


def test_a_sound_run_has_no_notes(run: Path):
    assert verification(run).notes == ()
