"""`fedtrain personalise`: what a participant gives it, and errors before anything is trained."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.reading import read_file
from fedtrain.baseline.arms import planned_steps
from fedtrain.baseline.one_participant import own_copy
from fedtrain.cli.main import main
from fedtrain.runner.bindings import data_of, storage_of

FILE = """
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: gloss}
spec:
  model: {base: org/model, revision: 93efa2f097d58c2a74874c7e644dbc9b0cee75a2}
  data: {dataset: glosses, format: Text}
  participants: [{name: museum}, {name: zoo, training: {length: {type: Epochs, epochs: 1}}}]
  rounds: {count: 3}
  training: {length: {type: Steps, steps: 25}}
  storage: {type: S3, s3: {bucket: hub}}
"""
POLICY = """---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: zoo}
spec: {datasets: [{name: glosses, uri: ./zoo.jsonl}]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "federation.yaml").write_text(FILE)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_model.safetensors").write_bytes(b"")
    return tmp_path / "federation.yaml"


def refused(file: Path, *arguments: str, adapter: str = "adapter") -> str:
    call = ["personalise", str(file), "--adapter", str(file.parent / adapter), "--steps", "5", *arguments]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1, result.output
    return result.stderr


def test_the_copy_of_a_participant_is_on_its_machine(file: Path, tmp_path: Path) -> None:
    federation = read_file(file, elsewhere=True, judged=False)
    own = own_copy(federation, "zoo", tmp_path / "runs", tmp_path / "rows.jsonl", tmp_path)
    assert storage_of(own).file is not None
    assert storage_of(own).s3 is None
    assert [uri for uri, _ in data_of(own, "zoo")] == [str(tmp_path / "rows.jsonl")]
    assert (own.training.spec.model.base, own.training.spec.model.revision) == (str(tmp_path), None)


def test_it_trains_alone_as_long_as_in_the_federated_run_if_the_file_says_the_steps(file: Path) -> None:
    spec = read_file(file, elsewhere=True, judged=False).training.spec
    assert (planned_steps(spec, "museum"), planned_steps(spec, "zoo")) == (75, None)


def test_what_is_missing_is_named(file: Path) -> None:
    assert "Name it with --participant: `museum`, `zoo`." in refused(file)
    assert "'bank' is not a participant" in refused(file, "--participant", "bank")
    assert "has no policy of museum" in refused(file, "--participant", "museum")
    file.write_text(FILE + POLICY)
    assert "is not an adapter: it has no adapter_model.safetensors" in refused(file, adapter="elsewhere")
    assert "elsewhere does not exist" in refused(file, "--base", "elsewhere")
