"""`fedtrain baseline` refuses data that changed since the run, before it starts a worker."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.reading import Federation, read_file
from fedtrain.baseline.unchanged import check_unchanged
from fedtrain.cli.errors import UserError
from fedtrain.cli.main import main
from fedtrain.cli.run_of_file import check_rows_of_run, warnings_of_run
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.data.mixed_rows import DatasetRows, fingerprint_of
from fedtrain.data.reader import read_rows
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.bindings import fingerprint_keys, ledger_of
from fedtrain.runner.errors import RunError
from fedtrain.runner.secret_keys import secret_key


@pytest.fixture
def counted(tmp_path: Path) -> tuple[Federation, Ledger]:
    """A federation, and the ledger of its run, which has counted the rows."""
    file = tmp_path / "federation.yaml"
    CliRunner().invoke(main, ["init", str(file)])
    federation = read_file(file)
    ledger = ledger_of(federation)
    for who in ("bank-a", "bank-b"):
        rows = read_rows(str(tmp_path / f"data/{who}.jsonl"), "PromptCompletion")
        secret = Path(secret_key(fingerprint_keys(federation), who)).read_bytes()
        preflight = Preflight(
            run_id="r1",
            participant=who,
            samples=len(rows) - 3,
            validation_samples=3,
            fingerprint=fingerprint_of([DatasetRows("any", rows)], who, secret),
        )
        ledger.claim(names.preflight(who), preflight)
    return federation, ledger


def test_changed_rows_and_missing_files_are_named(counted: tuple[Federation, Ledger], tmp_path: Path) -> None:
    federation, ledger = counted
    check_unchanged(federation, ledger)
    changed = tmp_path / "data/bank-a.jsonl"
    lines = changed.read_text().splitlines(keepends=True)
    changed.write_text("".join(lines[1:]))
    with pytest.raises(RunError, match=r"bank-a: .* had 75 rows, and has 74") as caught:
        check_unchanged(federation, ledger)
    assert "bank-b" not in str(caught.value)
    (tmp_path / "data/bank-b.jsonl").unlink()
    with pytest.raises(RunError, match="bank-b: "):
        check_unchanged(federation, ledger)
    assert str(caught.value).endswith("start a run with another `metadata.name`.")


def test_a_run_whose_rows_changed_is_refused_once_and_validate_says_so(
    counted: tuple[Federation, Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation, ledger = counted
    ledger.claim(names.RUN, Run(run_id="r1", namespace="default", name="demo", spec={}))
    assert check_rows_of_run(federation, ledger) == warnings_of_run(federation) == ()
    key = fingerprint_keys(federation) / "bank-a.key"
    content = key.read_bytes()
    key.unlink()
    (warning,) = warnings_of_run(federation)
    assert warning.startswith(
        "nothing shows that the rows of bank-a are those of the run: the key of their fingerprint, "
    )
    assert "bank-a.key, is missing, so the run cannot resume with them. Put the file back as it was" in warning
    key.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    changed = tmp_path / "data/bank-a.jsonl"
    changed.write_text("".join(changed.read_text().splitlines(keepends=True)[1:]))
    what = "the rows of bank-a changed since the run began: data/bank-a.jsonl had 75 rows, and has 74"
    (warning,) = warnings_of_run(federation)
    assert warning.startswith(f"{what}, so the run cannot resume with them. Put the file back as it was, or ")
    for who in ("bank-b", "bank-c"):
        (tmp_path / f"data/{who}.jsonl").write_text("")
    with pytest.raises(UserError) as refused:
        check_rows_of_run(federation, ledger)
    assert refused.value.message.startswith(f"the run cannot resume: {what}; the rows of bank-b changed")
    assert refused.value.hint == "Put the file back as it was, or change `metadata.name` for a new run"


def test_rows_that_changed_after_the_run_ended_are_a_warning(
    counted: tuple[Federation, Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation, ledger = counted
    ledger.claim(names.RUN, Run(run_id="r1", namespace="default", name="demo", spec={}))
    digest = f"blake3:{64 * '0'}"
    ledger.claim(names.END, End(run_id="r1", outcome="Succeeded", round=1, adapter=digest, manifest=digest))
    monkeypatch.chdir(tmp_path)
    (fingerprint_keys(federation) / "bank-b.key").unlink()
    assert check_rows_of_run(federation, ledger) == warnings_of_run(federation) == ()
    changed = tmp_path / "data/bank-a.jsonl"
    changed.write_text("".join(changed.read_text().splitlines(keepends=True)[1:]))
    expected = (
        "the rows of bank-a changed since the run began: data/bank-a.jsonl had 75 rows, and has 74. The run has ended "
        "without them: to train on them, change `metadata.name`.",
    )
    assert check_rows_of_run(federation, ledger) == warnings_of_run(federation) == expected
