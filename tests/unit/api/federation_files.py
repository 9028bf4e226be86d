"""A valid federation in sections, and the files that it names.

Every section of the first document is one line, so that places in messages are easy to check.
"""

from pathlib import Path

SECTIONS = {
    "apiVersion": "apiVersion: fedtrain.dev/v1alpha1",
    "kind": "kind: FederatedTraining",
    "metadata": "metadata: {name: answers}",
    "spec": "spec:",
    "model": "  model: {base: ./base}",
    "data": "  data: {dataset: tickets, format: PromptCompletion}",
    "participants": "  participants: [{name: bank-a}, {name: bank-b}]",
    "rounds": "  rounds: {count: 3}",
    "training": "  training: {length: {type: Steps, steps: 5}}",
    "partitioning": "  partitioning: {strategy: All}",
    "aggregation": "  aggregation: {strategy: FedAvg}",
    "evaluation": "  evaluation: {every: 1}",
    "storage": "  storage: {type: File}",
    "bank-a": (
        "---\n{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {name: bank-a},\n"
        " spec: {datasets: [{name: tickets, uri: a.jsonl}]}}"
    ),
    "bank-b": (
        "---\n{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {name: bank-b},\n"
        " spec: {datasets: [{name: tickets, uri: b.jsonl}]}}"
    ),
}

FOR_CLUSTERS = {
    "model": "  model: {base: /models/base}",
    "storage": "  storage: {type: S3, s3: {bucket: runs}}",
    "bank-a": SECTIONS["bank-a"].replace("a.jsonl", "/data/a.jsonl"),
    "bank-b": SECTIONS["bank-b"].replace("b.jsonl", "/data/b.jsonl"),
}
"""Sections of the same federation on a cluster, where paths are absolute and the ledger is in a bucket."""

POLICY_A, POLICY_B = SECTIONS["bank-a"], SECTIONS["bank-b"]


def write(folder: Path, **sections: str) -> Path:
    """A federation.yaml and the files it names."""
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base/config.json").write_text("{}")
    (folder / "adapter").mkdir(exist_ok=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (folder / "adapter" / name).write_text("{}")
    (folder / "half").mkdir(exist_ok=True)
    (folder / "half/adapter_config.json").write_text("{}")
    (folder / "splits/test").mkdir(parents=True, exist_ok=True)
    (folder / "splits/dataset_dict.json").write_text("{}")
    (folder / "splits/test/dataset_info.json").write_text("{}")
    (folder / "empty").mkdir(exist_ok=True)
    for name in ("a.jsonl", "b.jsonl", "test.jsonl", "c.xlsx", "ca.pem"):
        (folder / name).write_text('{"prompt": "p", "completion": "c"}\n')
    (folder / "none.jsonl").write_text("")
    file = folder / "federation.yaml"
    file.write_text("\n".join((SECTIONS | sections).values()) + "\n")
    return file
