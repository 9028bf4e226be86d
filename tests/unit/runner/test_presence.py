"""Coordinators of one run find each other, whoever was first."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.presence import Coordinating, Presence, coordinators, this_process, working

NEVER = 3600.0


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(FileStore(tmp_path), "default", "demo")


def keep(ledger: Ledger, one: Coordinating) -> None:
    ledger.put_telemetry(f"coordinators/{one.id}.json", json.dumps(asdict(one)).encode())


def test_two_coordinators_of_one_host_see_each_other_once(ledger: Ledger) -> None:
    first = Presence(ledger, this_process(), NEVER)
    assert first.appeared() == []
    second = Presence(ledger, this_process(), NEVER)
    first.beat()
    assert len(first.appeared()) == len(second.appeared()) == 1
    first.beat()
    assert first.appeared() == []
    first.close()
    assert len(coordinators(ledger)) == 1
    second.close()
    assert coordinators(ledger) == {}


def test_a_process_that_died_does_not_count_and_its_record_is_deleted(ledger: Ledger) -> None:
    keep(ledger, replace(this_process(), started="1"))
    assert working(ledger, lambda _: pytest.fail("the process id shows it at once")) == []
    presence = Presence(ledger, this_process(), NEVER)
    assert presence.appeared() == []
    assert len(coordinators(ledger)) == 1
    presence.close()


def test_a_process_of_another_machine_with_the_same_host_name_counts_while_its_record_changes(ledger: Ledger) -> None:
    """In a container, for example, where this process id is not used."""
    elsewhere = replace(this_process(), machine="another", pid=2**22 + 1)
    keep(ledger, elsewhere)
    presence = Presence(ledger, this_process(), NEVER)
    presence.close()
    assert elsewhere.id in coordinators(ledger), "its record is not deleted"
    assert [one.beat for one in working(ledger, lambda _: keep(ledger, replace(elsewhere, beat=8)))] == [8]
    assert working(ledger, lambda _: None) == []


def test_an_old_record_of_another_machine_is_deleted(ledger: Ledger, tmp_path: Path) -> None:
    """Of this machine before it was restarted, for example."""
    before = replace(this_process(), machine="another")
    keep(ledger, before)
    os.utime(tmp_path / f"default/demo/telemetry/coordinators/{before.id}.json", (0, 0))
    presence = Presence(ledger, this_process(), NEVER)
    assert before.id not in coordinators(ledger)
    presence.close()


def test_a_process_of_another_host_counts_while_its_record_changes(ledger: Ledger) -> None:
    elsewhere = replace(this_process(), host="elsewhere")
    keep(ledger, elsewhere)
    presence = Presence(ledger, this_process(), NEVER)
    presence.beat()
    assert presence.appeared() == []
    keep(ledger, replace(elsewhere, beat=7))
    presence.beat()
    assert [one.host for one in presence.appeared()] == ["elsewhere"]
    presence.close()
    assert working(ledger, lambda _: None) == []
    assert [one.beat for one in working(ledger, lambda _: keep(ledger, replace(elsewhere, beat=8)))] == [8]


def test_records_that_are_not_readable_are_ignored(ledger: Ledger) -> None:
    ledger.put_telemetry("coordinators/x.json", b"[1]")
    ledger.put_telemetry("coordinators/y.json", b"{")
    assert coordinators(ledger) == {}
