"""Commands that read a federation file whose runs are in a bucket: all its runs, and one that has lost `run.json`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedtrain.api.storage import S3
from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_store import S3Store
from tests.support.ledger_by_hand import Hand

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
    (tmp_path / "base").symlink_to(Path(__file__).parents[3] / "examples/quickstart/base")
    path = tmp_path / "federation.yaml"
    path.write_text(FILE.format(bucket=bucket.bucket, endpoint=bucket.endpoint, prefix=bucket.prefix))
    return path


def fedtrain(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), env={"COLUMNS": "200"})


def test_list_shows_the_runs_in_the_bucket_of_a_file(bucket: S3, file: Path) -> None:
    empty = fedtrain("list", file)
    assert (empty.exit_code, empty.stdout) == (0, ""), empty.output
    store = S3Store(bucket)
    for namespace, name in (("default", "demo"), ("default", "demo-2"), ("research", "demo")):
        hand = Hand(Ledger(store, namespace, name))
        hand.begin()
        hand.whole_round(1)
    Hand(Ledger(S3Store(bucket.model_copy(update={"prefix": "other"})), "default", "not-of-this-file")).begin()
    result = fedtrain("list", file, "-o", "json")
    assert result.exit_code == 0, result.output
    runs = json.loads(result.stdout)["runs"]
    below = f"s3://{bucket.bucket}/{bucket.prefix}"
    assert {one["run"] for one in runs} == {
        f"{below}/{run}" for run in ("default/demo", "default/demo-2", "research/demo")
    }
    assert {(one["roundsDone"], one["roundsOf"]) for one in runs} == {(1, 3)}
    assert f"{below}/research/demo" in fedtrain("list", file).stdout


def test_a_run_that_has_lost_run_json_is_listed_and_deleted(bucket: S3, file: Path) -> None:
    ledger = Ledger(S3Store(bucket), "default", "demo")
    hand = Hand(ledger)
    hand.begin()
    hand.whole_round(1)
    ledger.delete(names.RUN)
    assert "`run.json` is missing, but s3://" in fedtrain("list", file).stderr
    assert fedtrain("delete", file, "--yes").exit_code == 1, "a cluster may run it"
    done = fedtrain("delete", file, "--yes", "--orphaned")
    assert done.exit_code == 0, done.output
    assert "This deletes what remains of the run: rounds 0 to 1" in done.stderr
    assert ledger.names() == []


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
