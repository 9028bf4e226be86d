"""The text of the `federation.yaml` that a split writes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.api.base import label_in_yaml
from fedtrain.api.crd.editor_schema import FILE_NAME
from fedtrain.api.data import Format
from fedtrain.api.evaluation import MetricType
from fedtrain.splitting.starting_values import BATCH_SIZE, VALIDATION_FRACTION, StartingValue, StartingValues

COMMENT = 37
"""Column of a field's comment, from the field."""


@dataclass(frozen=True, kw_only=True)
class FederationFile:
    """`base` is None when the user has not named one yet; `revision` goes with a model id. `max_length`: tokens of a
    row. `files` are (participant, path) and `test` a path, relative to the file. `test_metrics`, `own_metrics`: metrics
    of the hub and of the participants; the first is the headline."""

    name: str
    dataset: str
    format: Format
    base: str | None
    revision: str | None
    files: Sequence[tuple[str, str]]
    test: str | None
    seed: int
    start: StartingValues
    max_length: int = 512
    test_metrics: Sequence[MetricType] = ("Loss",)
    own_metrics: Sequence[MetricType] = ()

    def text(self) -> str:
        return "".join([self._training(), *(self._policy(name, path) for name, path in self.files)])

    def _training(self) -> str:
        participants = "".join(f"    - name: {label_in_yaml(name)}\n" for name, _ in self.files)
        return f"""\
# yaml-language-server: $schema={FILE_NAME}
# Written by `fedtrain split`.
#
#   fedtrain validate federation.yaml     show all errors at once
#   fedtrain plan federation.yaml         show samples and steps per participant and round
#   fedtrain run federation.yaml          run it on this machine; the same command resumes it
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata:
  name: {label_in_yaml(self.name)}
spec:
  model:
{self._base()}\
    adapter:
      rank: 8
      alpha: 16
  data:
    dataset: {label_in_yaml(self.dataset)}
    format: {self.format}
    maxLength: {self.max_length}                       # tokens; longer rows are cut to this length
    validationFraction: {VALIDATION_FRACTION}              # of each participant's rows, held out from its training
  participants:
{participants}\
  rounds:
    {_line("count", self.start.rounds)}
  training:
    length: {{type: Epochs, epochs: 1}}    # of the rows that a participant trains on in a round
    batchSize: {BATCH_SIZE}
    {_line("learningRate", self.start.learning_rate)}
    seed: {self.seed}
  partitioning:
    strategy: All                        # each round uses all training rows
{self._evaluation()}\
  storage:
    type: File
    file: {{path: ./runs}}
"""

    def _base(self) -> str:
        if self.base is None:
            return (
                "    # The model that everyone fine-tunes: a folder, or a model id on Hugging Face with its revision.\n"
                "    # base: ./path/to/base\n"
            )
        revision = f"    revision: {_quoted(self.revision)}\n" if self.revision else ""
        return f"    base: {_quoted(self.base)}\n{revision}"

    def _evaluation(self) -> str:
        hub = own = ""
        if self.test is not None:
            hub = f"""\
    hub:
      data: {{uri: {_quoted(self.test)}}}
{_metrics(self.test_metrics)}{"" if self.format == "Text" else _SAMPLES}"""
        if self.own_metrics:
            own = f"    participants:                        # on held-out rows\n{_metrics(self.own_metrics)}"
        return f"  evaluation:\n    every: 1\n{hub}{own}" if hub or own else ""

    def _policy(self, name: str, path: str) -> str:
        return f"""\
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata:
  name: {label_in_yaml(name)}
spec:
  datasets:
    - {{name: {label_in_yaml(self.dataset)}, uri: {_quoted(path)}}}
"""


_SAMPLES = "      # samples: 4                       # answers to 4 of its prompts: both are in ledger and report\n"


def _line(field: str, start: StartingValue) -> str:
    """Return the field with its value, and the reason where comments begin."""
    return f"{field}: {start.value}".ljust(COMMENT) + f"# {start.reason}" if start.reason else f"{field}: {start.value}"


def _metrics(types: Sequence[MetricType]) -> str:
    names: dict[MetricType, str] = {"Choices": "accuracy", "Loss": "loss"}
    lines = (f"        - {{name: {names[one]}, type: {one}}}\n" for one in types)
    return f"      metrics:\n{''.join(lines)}"


def _quoted(text: str) -> str:
    """JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)
