"""A mistake in a valid folder, and what fedtrain says about it."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner
from safetensors.numpy import save_file
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
    characters, `gzip` of text, `parquet` columns and `tensors` by shape, each by path; `delete` files. `run` is the
    command. The message must name `place`, `value` and `fix`, and `errors` is the count of errors in the file."""

    mistake: str
    replace: Mapping[str, str] = field(default_factory=dict[str, str])
    append: str = ""
    write: Mapping[str, str] = field(default_factory=dict[str, str])
    binary: Mapping[str, str] = field(default_factory=dict[str, str])
    gzip: Mapping[str, str] = field(default_factory=dict[str, str])
    parquet: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict[str, Mapping[str, list[Any]]])
    tensors: Mapping[str, Mapping[str, list[int]]] = field(default_factory=dict[str, Mapping[str, list[int]]])
    delete: tuple[str, ...] = ()
    run: str = f"validate {FILE}"
    place: str = ""
    value: str = ""
    fix: str = ""
    errors: int = 1

    def make(self, folder: Path) -> None:
        """Write the valid folder with the mistake."""
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
        for name, content in self.gzip.items():
            self._file(folder, name).write_bytes(gzip.compress(content.encode()))
        for name, columns in self.parquet.items():
            pq.write_table(pa.table(dict(columns)), self._file(folder, name))
        for name, shapes in self.tensors.items():
            save_file({tensor: np.zeros(shape, np.float32) for tensor, shape in shapes.items()}, folder / name)
        for name in self.delete:
            (folder / name).unlink()

    def _file(self, folder: Path, name: str) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        return folder / name

    def message(self) -> tuple[int, str]:
        """Return the exit code of the command in the current folder, and what it printed to stderr."""
        import shlex

        result = CliRunner().invoke(main, shlex.split(self.run))
        return result.exit_code, result.stderr if result.exception is None or result.exit_code else str(result)
