"""A run in a bucket that has lost its `run.json`, as the commands that read its federation file name it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.storage import S3
from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.ledger.s3_store import S3Store

FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: demo}}
spec:
  model: {{base: ./base}}
  data: {{dataset: tickets, format: Text}}
  participants: [{{name: bank-a}}, {{name: bank-b}}]
  rounds: {{count: 2}}
  training: {{length: {{type: Steps, steps: 2}}}}
  storage: {{type: S3, s3: {{bucket: {bucket}, endpoint: "{endpoint}", prefix: {prefix}}}}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {{name: bank-a}}
spec: {{datasets: [{{name: tickets, uri: ./rows.jsonl}}]}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {{name: bank-b}}
spec: {{datasets: [{{name: tickets, uri: ./rows.jsonl}}]}}
"""


@pytest.fixture
def file(bucket: S3, tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n' * 40)
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text("{}")
    path = tmp_path / "federation.yaml"
    path.write_text(FILE.format(bucket=bucket.bucket, endpoint=bucket.endpoint, prefix=bucket.prefix))
    return path


def test_plan_names_a_run_in_a_bucket_that_has_lost_run_json(bucket: S3, file: Path) -> None:
    assert "is missing" not in CliRunner().invoke(main, ["plan", str(file)]).stderr
    S3Store(bucket).create(f"default/demo/{names.manifest(0)}", b"{}")
    result = CliRunner().invoke(main, ["plan", str(file)])
    assert result.exit_code == 1
    assert "`run.json` is missing, but s3://" in result.stderr


def test_plan_needs_no_bucket(bucket: S3, file: Path) -> None:
    """Its credentials or network may be elsewhere."""
    whole = CliRunner().invoke(main, ["plan", str(file)])
    assert whole.exit_code == 0, whole.output
    file.write_text(file.read_text().replace(str(bucket.endpoint), "http://127.0.0.1:1"))
    unreached = CliRunner().invoke(main, ["plan", str(file)])
    assert (unreached.exit_code, unreached.stdout) == (0, whole.stdout)
