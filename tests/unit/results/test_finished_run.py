"""`fedtrain run` of a run that is finished."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.store import StoreRefused
from tests.support.ledger_by_hand import WHO, Hand


def federation_file(folder: Path, hand: Hand) -> Path:
    """The file of the run, with its data."""
    (folder / "base").mkdir()
    (folder / "base/config.json").write_text("{}")
    (folder / "rows.jsonl").write_text('{"prompt": "c", "completion": "d"}\n')
    (folder / "test.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    spec = {**hand.spec, "storage": {"type": "File", "file": {"path": "./runs"}}}
    documents = [("FederatedTraining", hand.ledger.name, spec)]
    datasets = [{"name": "glosses", "uri": "./rows.jsonl"}]
    documents += [("ParticipantPolicy", who, {"datasets": datasets}) for who in WHO]
    text = "---\n".join(
        json.dumps({"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": one})
        + "\n"
        for kind, name, one in documents
    )
    (folder / "federation.yaml").write_text(text)
    return folder / "federation.yaml"


def test_a_finished_run_on_a_read_only_disk_is_shown_without_a_write(
    finished: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise StoreRefused("the file system is read-only")

    for write in ("create", "replace", "draft", "delete"):
        monkeypatch.setattr(FileStore, write, refuse)
    result = CliRunner().invoke(main, ["run", str(federation_file(tmp_path, finished))])
    assert result.exit_code == 0, result.output
    said = "quickstart was finished before: nothing was trained now. For a new run, change `metadata.name`."
    assert said in " ".join(result.stdout.split())
