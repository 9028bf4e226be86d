"""A small real federation for tests: the quickstart's base model, two participants, a few rows of real text each."""

import contextlib
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
    """Two rounds of two steps; blocks in `changes` are laid over it. A field that is None is left out."""
    small: dict[str, Any] = {
        "model": {"base": str(QUICKSTART / "base"), "adapter": {"rank": 2, "alpha": 4}},
        "data": {"dataset": "glosses", "format": "PromptCompletion", "maxLength": 48},
        "participants": [{"name": "zoo"}, {"name": "museum"}],
        "rounds": {"count": 2},
        "training": {"length": {"type": "Steps", "steps": 2}, "batchSize": 4, "microBatchSize": 4},
        "evaluation": {"hub": {"data": {"uri": "test.jsonl"}}, "participants": {}},
    }
    if "datasets" in changes.get("data", {}):
        del small["data"]["dataset"]
    for block, fields in changes.items():
        if isinstance(fields, dict) and block in small:
            fields = {name: value for name, value in {**small[block], **fields}.items() if value is not None}
        small[block] = fields
    return small


@dataclass
class Small:
    """A federation in a folder, and how to run it. `text`: content of its file, with data that exists. `made`: the
    folder has file and data."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    name: str = "small"
    text: str | None = None
    made: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "federation.yaml"
        if self.made:
            return
        if self.text is not None:
            self.file.write_text(self.text)
            return
        content = spec(**self.changes)
        documents: list[dict[str, Any]] = [_document("FederatedTraining", self.name, content)]
        for participant in content["participants"]:
            who = participant["name"]
            documents.append(_document("ParticipantPolicy", who, {"datasets": self._data_sets(who, content["data"])}))
        self.rows("test", "test.jsonl", 0)
        with self.file.open("w") as file:
            YAML().dump_all(documents, file)

    def _data_sets(self, who: str, data: dict[str, Any]) -> list[dict[str, str]]:
        """Write other rows of the participant for each data set of the file."""
        mixed = [one["name"] for one in data.get("datasets", ())]
        files = {name: f"{who}-{name}.jsonl" for name in mixed} or {data["dataset"]: f"{who}.jsonl"}
        for index, file in enumerate(files.values()):
            self.rows(who, file, index * ROWS)
        return [{"name": name, "uri": file} for name, file in files.items()]

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

    def start(self, zygote: str, *, parallel: int = 2, **environment: str) -> "Running":
        """Start `fedtrain run` of the file, in a process that the zygote forks."""
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        settings = {
            "PYTHONPATH": str(HERE / "killing"),
            "FEDTRAIN_TEST_ARGV": json.dumps(["tests.local.driver", str(self.file), zygote, str(parallel)]),
            "FEDTRAIN_TEST_LOG": str(folder / "log"),
            "FEDTRAIN_TEST_EXIT": str(folder / "code"),
            "FEDTRAIN_TEST_WORKERS": str(folder / "workers"),
        }
        pid = fork(zygote, {**os.environ, **settings, **environment})
        return Running(pid, Forked(pid), folder)

    def run(self, zygote: str, *, parallel: int = 2, **environment: str) -> "Ran":
        """Run the file to its end."""
        return self.start(zygote, parallel=parallel, **environment).result()


@dataclass(frozen=True)
class Running:
    """A run that was started. `pid` waits for the runner, its child."""

    pid: int
    process: Forked
    folder: Path

    def result(self) -> "Ran":
        """Wait for the end of the run."""
        until = time.monotonic() + 300
        while self.process.alive():
            if time.monotonic() > until:
                self.process.kill()
                raise TimeoutError(f"the run does not end:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.02)
        return Ran(int((self.folder / "code").read_text()), (self.folder / "log").read_text())

    def runner(self) -> list[int]:
        """Process id of the runner, while it exists."""
        return _children(self.pid)

    def aggregator(self) -> list[int]:
        """Process id of the aggregator, while it exists."""
        return [child for runner in self.runner() for child in _children(runner)]

    def workers(self) -> list[int]:
        """Process ids of the trainer workers that exist."""
        started = self.folder / "workers"
        pids = [int(pid) for pid in started.read_text().split()] if started.exists() else []
        return [pid for pid in pids if Forked(pid).alive()]


@dataclass(frozen=True)
class Ran:
    """The exit code of a run, and what it and its workers printed."""

    returncode: int
    said: str


def _children(pid: int) -> list[int]:
    """Process ids of the children; each is listed with the thread that started it."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    with contextlib.suppress(OSError):  # the process has ended
        return [int(child) for children in listed for child in children.read_text().split()]
    return []


def _document(kind: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": content}
