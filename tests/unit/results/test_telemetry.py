"""Telemetry is what trainers write: no value of it ends a command of the hub with a traceback."""

from pathlib import Path

import pytest

from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.telemetry import execution_folder, read_execution, read_json

FILE = f"{execution_folder(1, 'zoo', 1)}/trainer.json"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(FileStore(tmp_path), "default", "words")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1e999", "9" * 400, "true", '"1"', "[1]", "null"])
def test_what_is_no_finite_number_is_skipped(ledger: Ledger, value: str) -> None:
    seconds = f'{{"training": {value}, "loading": 1}}'
    text = (
        f'{{"curve": [1.5, {value}], "peakMemory": {value}, "endedAt": {value}, "seconds": {seconds}, "code": {value}}}'
    )
    ledger.put_telemetry(FILE, text.encode())
    found = read_execution(ledger, 1, "zoo", 1)
    assert found is not None
    assert (found.curve, found.seconds) == ((1.5,), {"loading": 1.0})
    assert (found.peak_memory, found.ended_at, found.code) == (None, None, None)


@pytest.mark.parametrize("text", ["[" * 100_000, f'{{"code": {"9" * 5000}}}', '{"code": 1', "[1]", "\x00"])
def test_what_is_no_object_is_like_a_missing_file(ledger: Ledger, text: str) -> None:
    ledger.put_telemetry(FILE, text.encode())
    assert read_json(ledger, FILE) == {}
    assert read_execution(ledger, 1, "zoo", 1) is None
