"""The federation file of a run that starts from the adapter of another run."""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fedtrain.api.base import LONGEST_NAME
from fedtrain.api.data import Data
from fedtrain.api.reading import Federation, Invalid, read_file
from fedtrain.api.reading.source import read_text
from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.locate import run_folder
from fedtrain.runner.bindings import storage_of


def file_of(ledger: Ledger) -> Path | None:
    """Return the federation file of a run in a folder: the one beside its folder of runs that leads to the run."""
    folder = run_folder(ledger)
    if folder is None:
        return None
    for path in sorted((*folder.parents[2].glob("*.yaml"), *folder.parents[2].glob("*.yml"))):
        try:
            federation = read_file(path, elsewhere=True, judged=False)
        except (Invalid, OSError):
            continue
        if _leads_to(federation, ledger):
            return path
    return None


def next_name(ledger: Ledger, folder: Path) -> str:
    """Return `<name>-2` or the next number that neither a run nor a file in `folder` has. Raises StoreError."""
    stem, number = re.sub(r"-\d+$", "", ledger.name), 2
    if found := re.search(r"-(\d+)$", ledger.name):
        number = int(found[1]) + 1
    while True:
        name = f"{stem[: LONGEST_NAME - len(str(number)) - 1]}-{number}"
        taken = ledger.store.size(f"{ledger.namespace}/{name}/{names.RUN}") is not None
        if not taken and not (folder / f"{name}.yaml").exists():
            return name
        number += 1


def from_file(file: Path, name: str, uri: str, digest: str) -> str:
    """Return the file's text, comments included, with another name and `initialFrom`. Raises Invalid."""
    yaml: Any = _yaml()
    loaded: list[Any] = list(yaml.load_all(read_text(file)))
    documents = [document for document in loaded if document is not None]  # a `---` at the end, or only comments
    for document in documents:
        if document.get("kind") == "FederatedTraining":
            document["metadata"]["name"] = name
            document["spec"]["model"].setdefault("adapter", {})["initialFrom"] = {"uri": uri, "digest": digest}
    return _text(yaml, documents)


def from_spec(ledger: Ledger, spec: Mapping[str, Any], name: str, uri: str, digest: str) -> str:
    """Return a file with the spec that the run has recorded, and policies that name no data yet."""
    adapter = {**spec["model"].get("adapter", {}), "initialFrom": {"uri": uri, "digest": digest}}
    metadata = {"name": name} if ledger.namespace == "default" else {"name": name, "namespace": ledger.namespace}
    spec = {**spec, "model": {**spec["model"], "adapter": adapter}}
    documents = [_document("FederatedTraining", metadata, spec)]
    for participant in spec["participants"]:
        who, data = participant["name"], Data.model_validate(spec["data"])
        suffix = {name: f"-{name}" if data.datasets is not None else "" for name in data.names}
        datasets = [{"name": name, "uri": f"./data/{who}{suffix[name]}.jsonl"} for name in data.names]
        documents.append(_document("ParticipantPolicy", {"name": who}, {"datasets": datasets}))
    return _text(_yaml(), documents)


def _leads_to(federation: Federation, ledger: Ledger) -> bool:
    metadata, storage = federation.training.metadata, storage_of(federation)
    if (metadata.namespace, metadata.name) != (ledger.namespace, ledger.name) or storage.file is None:
        return False
    folder = run_folder(ledger)
    return folder is not None and Path(storage.file.path).absolute() == folder.parents[1]


def _document(kind: str, metadata: dict[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _yaml() -> Any:
    yaml: Any = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.preserve_quotes = True
    yaml.width = 120
    return yaml


def _text(yaml: Any, documents: list[Any]) -> str:
    out = StringIO()
    yaml.dump_all(documents, out)
    return out.getvalue()
