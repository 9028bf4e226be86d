"""`fedtrain baseline` refuses data that changed since the run, before it starts a worker."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.reading import read_file
from fedtrain.baseline.unchanged import check_unchanged
from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.records import Preflight
from fedtrain.data.reader import read_rows
from fedtrain.data.row import fingerprint
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.errors import RunError


def test_changed_rows_and_missing_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "federation.yaml"
    CliRunner().invoke(main, ["init", str(file)])
    federation, ledger = read_file(file), Ledger(FileStore(tmp_path / "runs"), "default", "demo")
    for who in ("bank-a", "bank-b"):
        rows = read_rows(str(tmp_path / f"data/{who}.jsonl"), "PromptCompletion")
        preflight = Preflight(
            run_id="r1", participant=who, samples=len(rows) - 3, validation_samples=3, fingerprint=fingerprint(rows)
        )
        ledger.claim(names.preflight(who), preflight)
    check_unchanged(federation, ledger)
    changed = tmp_path / "data/bank-a.jsonl"
    lines = changed.read_text().splitlines(keepends=True)
    changed.write_text("".join(lines[1:]))
    with pytest.raises(RunError, match=r"bank-a: .* or others") as caught:
        check_unchanged(federation, ledger)
    assert "bank-b" not in str(caught.value)
    (tmp_path / "data/bank-b.jsonl").unlink()
    with pytest.raises(RunError, match="bank-b: "):
        check_unchanged(federation, ledger)
    assert str(caught.value).endswith("start a run with another metadata.name.")
