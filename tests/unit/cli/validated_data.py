"""A federation with data and a base model, and what `fedtrain validate` says about it."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from valid_base import write_base

from fedtrain.cli.main import main

FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: answers}}
spec:
  model: {{base: ./base, adapter: {{rank: 2, targetModules: {targets}}}}}
  data: {{dataset: tickets, format: {format}, maxLength: {length}, validationFraction: 0.5}}
  participants: [{{name: bank-a}}, {{name: bank-b}}]
  rounds: {{count: 1}}
  training: {{batchSize: 1, length: {{type: Steps, steps: 5}}}}
  evaluation: {{hub: {{data: {{uri: ./test.jsonl}}}}}}
---
{{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {{name: bank-a}},
  spec: {{datasets: [{{name: tickets, uri: ./a.jsonl}}]}}}}
---
{{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {{name: bank-b}},
  spec: {{datasets: [{{name: tickets, uri: ./b.jsonl}}]}}}}
"""
SECRET = "Patient4711"


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"text": word} for word in words]


def federation(
    folder: Path,
    a: list[dict[str, Any]] | None = None,
    b: list[dict[str, Any]] | None = None,
    test: list[dict[str, Any]] | None = None,
    *,
    format: str = "Text",
    targets: str = "{type: AllLinear}",
    length: int = 512,
) -> Path:
    write_base(folder / "base")
    for name, rows in (
        ("a", a or texts("one", "two")),
        ("b", b or texts("three", "four")),
        ("test", test or texts("five")),
    ):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "federation.yaml").write_text(FILE.format(format=format, targets=targets, length=length))
    return folder / "federation.yaml"


def validate(file: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["validate", str(file), *options])


def errors(file: Path, *options: str) -> list[str]:
    result = validate(file, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.splitlines()[:-1]


def warnings(file: Path, *options: str) -> list[str]:
    result = validate(file, *options)
    assert result.exit_code == 0, result.stderr
    return [line.removeprefix("warning: ") for line in result.stderr.splitlines()]
