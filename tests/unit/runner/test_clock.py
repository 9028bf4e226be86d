"""A round's clock on one machine: kept across restarts, and without the time in which the store did not answer."""

from pathlib import Path

from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.elapsed import KeptClock


def clock(folder: Path, run_id: str = "run-1") -> KeptClock:
    return KeptClock(Ledger(FileStore(folder), "default", "demo"), run_id)


def test_a_new_process_continues_with_the_recorded_time(tmp_path: Path) -> None:
    before = clock(tmp_path)
    before.tick(1, 1, 100.0, 100.0)
    assert before.tick(1, 1, 130.0, 130.0) == 30.0
    after = clock(tmp_path)
    assert after.tick(1, 1, 5000.0, 5000.0) == 30.0
    assert after.tick(1, 1, 5002.0, 5002.0) == 32.0


def test_another_round_restarts_the_clock(tmp_path: Path) -> None:
    first = clock(tmp_path)
    first.tick(1, 1, 100.0, 100.0)
    first.tick(1, 1, 130.0, 130.0)
    assert clock(tmp_path).tick(2, 1, 200.0, 200.0) == 0.0
    assert first.tick(1, 2, 200.0, 200.0) == 0.0


def test_time_in_which_the_store_does_not_answer_does_not_count(tmp_path: Path) -> None:
    running = clock(tmp_path)
    running.tick(1, 1, 100.0, 100.0)
    assert running.tick(1, 1, 110.0, 140.0) == 10.0, "thirty seconds for an answer"
    assert running.tick(1, 1, 141.0, 141.0) == 11.0
    running.out()
    assert running.tick(1, 1, 900.0, 900.0) == 11.0


def test_a_run_that_replaces_one_of_the_same_name_restarts_the_clock(tmp_path: Path) -> None:
    first = clock(tmp_path)
    first.tick(0, 1, 100.0, 100.0)
    first.tick(0, 1, 130.0, 130.0)
    assert clock(tmp_path, "run-2").tick(0, 1, 200.0, 200.0) == 0.0


def test_a_process_that_stops_for_missing_data_leaves_the_next_one_the_whole_deadline(tmp_path: Path) -> None:
    first = clock(tmp_path)
    first.tick(0, 1, 100.0, 100.0)
    first.tick(0, 1, 130.0, 130.0)
    first.restart()
    assert clock(tmp_path).tick(0, 1, 5000.0, 5000.0) == 0.0
