"""`fedtrain plan` of a mix of data sets, with given counts of rows."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from valid_base import write_base

from fedtrain.cli.main import main
from tests.support.outputs import check_output

FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: mixed}
spec:
  model: {base: ./base}
  data:
    datasets: [{name: notes, share: 3}, {name: guidelines, share: 1}]
    format: Text
    validationFraction: 0.1
  participants: [{name: clinic}, {name: lab}]
  rounds: {count: 2}
  training: {length: {type: Steps, steps: 2}, batchSize: 4}
  partitioning: {strategy: FixedSize, fixedSize: {samples: 8}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: clinic}
spec:
  datasets:
    - {name: notes, uri: "s3://clinic/notes.jsonl"}
    - {name: guidelines, uri: ./guidelines.jsonl}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: lab}
spec:
  datasets:
    - {name: notes, uri: ./notes.jsonl}
    - {name: guidelines, uri: ./guidelines.jsonl}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_base(tmp_path / "base")
    for name, rows in (("notes", 30), ("guidelines", 10)):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "a"}\n' * rows)
    path = tmp_path / "federation.yaml"
    path.write_text(FILE)
    return path


def plan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["plan", *map(str, arguments)], env={"COLUMNS": "120"})


def test_rows_of_one_data_set_are_given_and_the_others_counted(file: Path) -> None:
    result = plan(file, "--rows", "clinic/notes=1000", "-o", "json")
    assert result.exit_code == 0, result.output
    printed: dict[str, Any] = json.loads(result.output)
    check_output("plan", printed)
    clinic, lab = printed["participants"]
    assert (clinic["rows"], clinic["training"], clinic["validation"]) == (1010, 909, 101)
    assert (lab["rows"], lab["training"]) == (40, 36)
    for who in (clinic, lab):
        assert {one["name"]: one["samples"] for one in who["datasets"]} == {"notes": 12, "guidelines": 4}


def test_a_data_set_that_is_not_on_this_machine_is_named_with_its_option(file: Path) -> None:
    result = plan(file)
    assert result.exit_code == 1
    assert "s3://clinic/notes.jsonl is not on this machine" in result.stderr
    assert "--rows clinic/notes=1000" in result.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("clinic=1000", "Use one of `notes`, `guidelines`. Example: `--rows clinic/notes=1000`."),
        ("clinic/letters=1000", "Use one of `notes`, `guidelines`. Example: `--rows clinic/notes=1000`."),
        ("ward/notes=1000", "'ward' is not a participant"),
        ("clinic/notes=x", "'x' is not a number of rows"),
        ("clinic/notes=1.5k", "Write `--rows clinic/notes=1500`."),
    ],
)
def test_a_count_needs_a_participant_and_one_of_its_data_sets(file: Path, given: str, message: str) -> None:
    result = plan(file, "--rows", given)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())


def test_a_given_data_set_need_not_exist_here(file: Path) -> None:
    (file.parent / "notes.jsonl").unlink()
    given = ("--rows", "clinic/notes=1000", "--rows", "lab/notes=30")
    assert plan(file, *given).exit_code == 0
    (file.parent / "guidelines.jsonl").unlink()
    assert "guidelines.jsonl does not exist" in plan(file, *given).stderr
