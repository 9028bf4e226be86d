"""A mistake in a valid folder, and what fedtrain says about it."""

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner
from valid_base import write_base

from fedtrain.cli.main import main

VALID = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata:
  name: answers
spec:
  model:
    base: ./base
    adapter:
      rank: 2
      targetModules: {type: AllLinear}
  data:
    dataset: tickets
    format: PromptCompletion
    maxLength: 512
    validationFraction: 0.5
  participants:
    - name: bank-a
    - name: bank-b
  rounds:
    count: 3
    minParticipants: 2
    deadline: 2h
  training:
    length: {type: Steps, steps: 5}
    batchSize: 32
    microBatchSize: 4
    learningRate: 2e-4
    seed: 17
  partitioning:
    strategy: All
  aggregation:
    strategy: FedAvg
    weights: Samples
  evaluation:
    every: 1
    hub:
      data: {uri: ./test.jsonl}
      metrics:
        - {name: accuracy, type: Choices}
        - {name: loss, type: Loss}
  storage:
    type: File
    file: {path: ./runs}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata:
  name: bank-a
spec:
  datasets:
    - {name: tickets, uri: ./a.jsonl}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata:
  name: bank-b
spec:
  datasets:
    - {name: tickets, uri: ./b.jsonl}
"""
FILE = "federation.yaml"


def rows(*names: str) -> str:
    """Lines of prompts and completions."""
    return "".join(
        f"{json.dumps({'prompt': f'Question {name}?', 'completion': answer})}\n"
        for name in names
        for answer in ("yes", "no")
    )


@dataclass(frozen=True)
class Mistake:
    """Changes of the valid folder: `replace` and `append` in federation.yaml; `write` text, `binary` of latin-1
    characters and columns of `parquet`, each by path; `delete` files. With `ledger`,
    the folder has the run `default/quickstart` of one round. `run` is the command. The message must name `place`,
    `value` and `fix`, and `errors` is the count of errors in the file (0: not checked)."""

    mistake: str
    replace: Mapping[str, str] = field(default_factory=dict[str, str])
    append: str = ""
    write: Mapping[str, str] = field(default_factory=dict[str, str])
    binary: Mapping[str, str] = field(default_factory=dict[str, str])
    parquet: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict[str, Mapping[str, list[Any]]])
    delete: tuple[str, ...] = ()
    ledger: bool = False
    run: str = f"validate {FILE}"
    place: str = ""
    value: str = ""
    fix: str = ""
    errors: int = 1

    def make(self, folder: Path, runs: Path | None = None) -> None:
        """Write the valid folder with the mistake. `runs`: the folder of runs to copy with `ledger`."""
        if self.ledger and runs is not None:
            shutil.copytree(runs, folder / "runs")
        write_base(folder / "base")
        files = {"a.jsonl": rows("a"), "b.jsonl": rows("b"), "test.jsonl": rows("c")}
        text = VALID
        for old, new in self.replace.items():
            assert old in text, f"{self.mistake}: the valid file has no {old!r}"
            text = text.replace(old, new, 1)
        for name, content in {**files, FILE: text + self.append, **self.write}.items():
            self._file(folder, name).write_text(content)
        for name, content in self.binary.items():
            self._file(folder, name).write_bytes(content.encode("latin-1"))
        for name, columns in self.parquet.items():
            pq.write_table(pa.table(dict(columns)), self._file(folder, name))
        for name in self.delete:
            (folder / name).unlink()

    def _file(self, folder: Path, name: str) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        return folder / name

    def message(self) -> tuple[int, str]:
        """Return the exit code of the command in the current folder, and what it printed to stderr."""
        result = CliRunner().invoke(main, shlex.split(self.run))
        return result.exit_code, result.stderr if result.exception is None or result.exit_code else str(result)
