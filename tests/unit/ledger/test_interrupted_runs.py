"""A run that `fedtrain run` began and no process continues is shown as Interrupted."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from fedtrain.api.storage import S3
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import ObjectStore
from fedtrain.results.run_list import list_runs
from fedtrain.results.run_phase import phase_of_run
from fedtrain.results.status import first_lines
from fedtrain.results.summary import summarise
from fedtrain.runner import presence
from fedtrain.runner.presence import Presence, this_process
from tests.support.ledger_by_hand import Hand


@pytest.fixture
def hand(store: ObjectStore) -> Hand:
    """A run in its first round."""
    hand = Hand(Ledger(store, "default", "demo"))
    hand.begin()
    hand.plan(1)
    return hand


def phase(hand: Hand) -> str:
    return summarise(hand.ledger).phase


def test_a_run_whose_process_was_killed_is_interrupted_until_it_is_resumed(hand: Hand) -> None:
    hand.attend(replace(this_process(), started="1"))
    summary = summarise(hand.ledger)
    assert summary.phase == "Interrupted"
    assert first_lines(summary)[:2] == [
        "default/demo: Interrupted, 0 of 3 rounds",
        "No process runs it. It stopped in phase Training: start the same `fedtrain run` command again to resume it.",
    ]
    again = Presence(hand.ledger, this_process(), 3600.0)
    assert phase(hand) == "Training"
    again.close()


@pytest.mark.parametrize("file", ["clock.json", "rounds/0000/runner.json"])
def test_a_file_of_fedtrain_run_in_a_bucket_shows_that_no_operator_continues_the_run(bucket: S3, file: str) -> None:
    hand = Hand(Ledger(S3Store(bucket), "default", "demo"))
    hand.begin()
    assert phase(hand) == "Planning"
    hand.ledger.put_telemetry(file, b"{}")
    assert phase(hand) == "Interrupted"


def test_the_phase_of_a_run_of_a_cluster_does_not_list_its_telemetry(
    bucket: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(S3Store(bucket), "default", "demo")
    listed: list[str] = []
    keys = ledger.store.keys
    monkeypatch.setattr(ledger.store, "keys", lambda prefix: listed.append(prefix) or keys(prefix))
    assert phase_of_run(ledger, "Training") == "Training"
    assert {prefix.partition("/telemetry/")[2] for prefix in listed} == {"coordinators/"}


def test_a_finished_run_is_not_interrupted(hand: Hand) -> None:
    hand.attend(replace(this_process(), started="1"))
    for round in (1, 2, 3):
        hand.whole_round(round)
    hand.end()
    assert phase(hand) == "Succeeded"


def test_a_record_of_another_host_counts_while_it_is_new(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.attend(replace(this_process(), host="elsewhere"))
    assert phase(hand) == "Training"
    now = time.time()
    monkeypatch.setattr(presence.time, "time", lambda: now + 120.0)
    assert phase(hand) == "Interrupted"


def test_only_a_run_in_a_bucket_without_a_trace_of_fedtrain_run_may_be_a_clusters(hand: Hand) -> None:
    assert phase(hand) == ("Interrupted" if isinstance(hand.ledger.store, FileStore) else "Training")


def test_the_list_shows_the_same_phase(tmp_path: Path) -> None:
    hand = Hand(Ledger(FileStore(tmp_path / "runs"), "default", "demo"))
    hand.begin()
    assert [run.phase for run in list_runs(str(tmp_path)).runs] == ["Interrupted"]
    hand.attend(this_process())
    assert [run.phase for run in list_runs(str(tmp_path)).runs] == ["Planning"]
