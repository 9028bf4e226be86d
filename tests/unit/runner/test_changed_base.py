"""A run resumes only with the base model that it began with. Commands say so at once."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.reading import Federation, read_file
from fedtrain.baseline.unchanged import check_unchanged
from fedtrain.cli.main import main
from fedtrain.cli.run_of_file import warnings_of_run
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.records import Initial, ModelFacts
from fedtrain.contracts.run_end import End
from fedtrain.data.base_fingerprint import fingerprint_in
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner import run as runner
from fedtrain.runner.changed_base import changed_base
from fedtrain.runner.errors import RunError

QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart"
DIGEST = "blake3:" + "0" * 64
FACTS = ModelFacts(base_parameters=1, adapter_parameters=1, hidden_size=1, layers=1, vocabulary=1)


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    """The quickstart, in a folder of its own."""
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns("runs", "make", "adapter*"))
    monkeypatch.chdir(folder)
    return read_file(Path("federation.yaml"))


def begun(federation: Federation, fingerprint: BaseFingerprint | None) -> Ledger:
    """The ledger of its run, which has its initial adapter."""
    ledger, claimed = runner.admit(federation)
    initial = Initial(run_id=claimed.run_id, adapter=DIGEST, config=DIGEST, facts=FACTS, base_fingerprint=fingerprint)
    ledger.claim(names.initial(), initial)
    return ledger


def retrain() -> None:
    """Change one number in the middle of a tensor."""
    file = Path("base/model.safetensors")
    content = bytearray(file.read_bytes())
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    start, end = next(one["data_offsets"] for name, one in header.items() if name != "__metadata__")
    content[begin + (start + end) // 2] ^= 1
    file.write_bytes(content)


WHY = "model.base base: its weights differ from those that round 0 recorded. The files changed since then, or it is "
FIX = "Put the original files back, or start a run with another `metadata.name`."


def test_a_base_that_did_not_change_is_the_runs(federation: Federation) -> None:
    ledger = begun(federation, fingerprint_in(Path("base")))
    assert changed_base(federation, ledger) is None
    check_unchanged(federation, ledger)
    assert warnings_of_run(federation) == ()


def test_a_run_whose_base_changed_is_refused_before_any_worker_starts(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = begun(federation, fingerprint_in(Path("base")))
    retrain()
    monkeypatch.setattr(runner, "workers", None)
    refused = CliRunner().invoke(main, ["run", "federation.yaml", "--plain"])
    assert refused.exit_code == 1
    said = " ".join(refused.output.split())
    assert f"{WHY}another model. {FIX}" in said
    assert "Fix the cause and run `fedtrain run federation.yaml` again; recorded rounds are kept." in said
    with pytest.raises(RunError, match="its weights differ"):
        check_unchanged(federation, ledger)
    assert warnings_of_run(federation) == (f"{WHY}another model. The run cannot resume with it. {FIX}",)


def test_a_finished_run_needs_its_base_no_longer(federation: Federation) -> None:
    ledger = begun(federation, fingerprint_in(Path("base")))
    retrain()
    end = End(run_id="r", outcome="Succeeded", round=1, adapter=DIGEST, manifest=DIGEST)
    ledger.claim(names.END, end.model_copy(update={"run_id": runner.admit(federation)[1].run_id}))
    assert runner.run(federation, listener=lambda _: None).phase == "Succeeded"
    assert warnings_of_run(federation) == ()


def test_a_run_of_an_older_version_has_recorded_no_base(federation: Federation) -> None:
    ledger = begun(federation, None)
    retrain()
    assert changed_base(federation, ledger) is None


def test_a_base_that_cannot_be_read_any_more_is_named(federation: Federation) -> None:
    ledger = begun(federation, fingerprint_in(Path("base")))
    Path("base/model.safetensors").write_bytes(b"")
    assert "model.safetensors" in (changed_base(federation, ledger) or "")
    Path("base/model.safetensors").unlink()
    assert "model.safetensors" in (changed_base(federation, ledger) or "")
