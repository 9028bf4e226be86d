"""Nothing that a row contains leaves a participant: neither into the ledger nor into the hub's output."""

import json
from pathlib import Path

from federation import Small

from fedtrain.ledger.verify import verify

PATIENT = "Patient 4711, born 1961"


def found_in(small: Small) -> list[str]:
    """Objects of the ledger that contain the text, telemetry and adapters included."""
    files = [path for path in (small.folder / "runs").rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if PATIENT.encode() in path.read_bytes()]


def with_rows(folder: Path, *rows: object, **changes: object) -> Small:
    """A federation whose participant `zoo` has these rows before its own."""
    small = Small(folder, {"rounds": {"count": 1, "minParticipants": 1, "retries": 0, "deadline": "5m"}, **changes})
    file = small.folder / "zoo.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + file.read_text())
    return small


def test_a_row_that_is_refused_is_named_by_file_line_and_field(zygote: str, tmp_path: Path) -> None:
    small = Small(tmp_path / "run", {"rounds": {"count": 1, "minParticipants": 1, "retries": 0, "deadline": "5m"}})
    file = small.folder / "zoo.jsonl"
    row = {"prompt": [PATIENT], "completion": " x"}
    file.write_text(file.read_text() * 42 + json.dumps(row))  # beyond the rows that are checked before workers start
    done = small.run(zygote)
    assert done.returncode == 1, done.said
    assert "zoo.jsonl:1009" in done.said
    assert "prompt" in done.said
    assert PATIENT not in done.said
    assert found_in(small) == []
    assert small.manifests() == []
    assert verify(small.ledger).sound


def test_rows_that_are_trained_on_leave_no_text(zygote: str, tmp_path: Path) -> None:
    rows = [{"prompt": PATIENT, "completion": " unwell", "choices": [" unwell", " well"]}] * 4
    small = with_rows(tmp_path / "run", *rows)
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    assert PATIENT not in done.said
    assert found_in(small) == []
