"""A run that has not begun is corrected by an edited file, but not while another process works on it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.reading import Federation, read_file
from fedtrain.cli.main import main
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_claim import check_not_replaced, claim_run, new_run
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.runner.bindings import ledger_of
from fedtrain.runner.errors import RunError
from fedtrain.runner.presence import Coordinating, this_process
from fedtrain.runner.run import admit


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    CliRunner().invoke(main, ["init", str(tmp_path / "federation.yaml")])
    (tmp_path / "base").mkdir()
    federation = read_file(tmp_path / "federation.yaml")
    model = federation.training.spec.model.model_copy(update={"base": "./base", "revision": None})
    return changed(federation, "model", model)


def changed(federation: Federation, block: str, value: object) -> Federation:
    spec = federation.training.spec.model_copy(update={block: value})
    return replace(federation, training=federation.training.model_copy(update={"spec": spec}))


def edited(federation: Federation) -> Federation:
    return changed(federation, "training", federation.training.spec.training.model_copy(update={"seed": 77}))


def attend(ledger: Ledger, process: Coordinating) -> None:
    ledger.put_telemetry(f"coordinators/{process.id}.json", json.dumps(asdict(process)).encode())


def test_an_edited_file_does_not_replace_a_run_that_another_process_works_on(federation: Federation) -> None:
    ledger, run = admit(federation)
    attend(ledger, this_process())
    with pytest.raises(RunError, match=r"(?s)another `fedtrain run` works on .*spec.training.seed: .* there, 77 in"):
        admit(edited(federation))
    assert admit(federation)[1] == run, "the same file may be run twice"
    check_not_replaced(ledger, run)


def test_an_edited_file_replaces_a_run_whose_process_died(federation: Federation) -> None:
    ledger, run = admit(federation)
    attend(ledger, replace(this_process(), started="1"))
    assert admit(edited(federation))[1].run_id != run.run_id


def test_round_0_is_not_recorded_for_a_run_that_was_replaced(federation: Federation) -> None:
    ledger, run = admit(federation)
    claim_run(ledger_of(federation), new_run(run.namespace, run.name, edited(federation).training.spec))
    with pytest.raises(LedgerCorrupt, match="was claimed by another `fedtrain run`, whose file has another spec"):
        check_not_replaced(ledger, run)
