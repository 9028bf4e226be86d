"""Files of a training on a cluster, and of its policies."""

from pathlib import Path

from click.testing import CliRunner, Result

from fedtrain.cli.main import main

TRAINING = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: tickets, namespace: team}
spec:
  model: {base: /models/base, adapter: {rank: 4}}
  data: {dataset: d, format: Text}
  participants: [{name: big}, {name: small}]
  rounds: {count: 2}
  training: {length: {type: Steps, steps: 5}}
  evaluation: {hub: {data: {uri: /pods/test.jsonl}}}
  storage:
    type: S3
    s3: {bucket: federations}
"""


OTHERS = """\
apiVersion: v1
kind: Namespace
metadata: {name: at-big}
---
apiVersion: fedtrain.dev/v1alpha1
kind: Participant
metadata: {name: big}
spec: {namespace: at-big, allowedNamespaces: [team]}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: big}
spec: {datasets: [{name: d, uri: /pods/big.jsonl}]}
"""


def validate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, arguments)])
