"""A small real federation for tests: the quickstart's base model, two participants, a few rows of real text each."""

import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from tests.support.zygote import Forked, fork

HERE = Path(__file__).parent
QUICKSTART = HERE.parents[1] / "examples" / "quickstart"
ROWS = 24


def spec(**changes: Any) -> dict[str, Any]:
    """Two rounds of two steps; blocks in `changes` are laid over it."""
    small: dict[str, Any] = {
        "model": {"base": str(QUICKSTART / "base"), "adapter": {"rank": 2, "alpha": 4}},
        "data": {"dataset": "glosses", "format": "PromptCompletion", "maxLength": 48},
        "participants": [{"name": "zoo"}, {"name": "museum"}],
        "rounds": {"count": 2},
        "training": {"length": {"type": "Steps", "steps": 2}, "batchSize": 4, "microBatchSize": 4},
        "evaluation": {"hub": {"data": {"uri": "test.jsonl"}}, "participants": {}},
    }
    for block, fields in changes.items():
        small[block] = {**small[block], **fields} if isinstance(fields, dict) and block in small else fields
    return small


@dataclass
class Small:
    """A federation in a folder, and how to run it."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    name: str = "small"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "federation.yaml"
        content = spec(**self.changes)
        documents: list[dict[str, Any]] = [_document("FederatedTraining", self.name, content)]
        for participant in content["participants"]:
            who = participant["name"]
            self.rows(who, f"{who}.jsonl", 0)
            policy = {"datasets": [{"name": "glosses", "uri": f"{who}.jsonl"}]}
            documents.append(_document("ParticipantPolicy", who, policy))
        self.rows("test", "test.jsonl", 0)
        with self.file.open("w") as file:
            YAML().dump_all(documents, file)

    def rows(self, source: str, target: str, start: int) -> None:
        """Rows of the quickstart's data, some each."""
        path = QUICKSTART / "data" / f"{source}.jsonl"
        lines = path.read_text().splitlines()[start : start + ROWS]
        (self.folder / target).write_text("\n".join(lines) + "\n")

    @property
    def ledger(self) -> Ledger:
        return open_ledger(Storage(file=File(path=str(self.folder / "runs"))), "default", self.name)

    def manifests(self) -> list[Manifest]:
        found = (self.ledger.read(names.manifest(round), Manifest) for round in range(100))
        return [manifest for manifest in found if manifest is not None]

    def digests(self) -> list[tuple[str, str | None, str]]:
        """What two runs of the same federation must have in common: adapters, server state, outcomes."""
        return [(manifest.adapter, manifest.state, manifest.outcome) for manifest in self.manifests()]

    def run(self, zygote: str, *, parallel: int = 2, **environment: str) -> "Ran":
        """`fedtrain run` of the file, in a process that the zygote forks."""
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        log, code = folder / "log", folder / "code"
        told = {
            "PYTHONPATH": str(HERE / "killing"),
            "FEDTRAIN_TEST_ARGV": json.dumps(["tests.local.driver", str(self.file), zygote, str(parallel)]),
            "FEDTRAIN_TEST_LOG": str(log),
            "FEDTRAIN_TEST_EXIT": str(code),
        }
        process = Forked(fork(zygote, {**os.environ, **told, **environment}))
        until = time.monotonic() + 300
        while process.alive():
            if time.monotonic() > until:
                process.kill()
                raise TimeoutError(f"the run does not end:\n{log.read_text()}")
            time.sleep(0.02)
        return Ran(int(code.read_text()), log.read_text())


@dataclass(frozen=True)
class Ran:
    """The exit code of a run, and what it and its workers said."""

    returncode: int
    said: str


def _document(kind: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": content}
