"""The quickstart's own file on clusters: its model, rows and settings. Only places differ: those of the base model, of
the rows and of the ledger."""

import shutil
import subprocess
from dataclasses import dataclass, field

from ruamel.yaml import YAML

from hack.cluster.api import Json
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import QUICKSTART
from tests.e2e.federation import COMMAND, THREADS_OF_PODS, RealFederation, environment

FILE = QUICKSTART / "federation.yaml"
ALL_ROUNDS = 12
"""Number of rounds in the file."""


def _names() -> tuple[str, ...]:
    return tuple(one["name"] for one in _training()["participants"])


def _training() -> Json:
    """The `spec` of the file's training."""
    training, *_ = YAML(typ="safe").load_all(FILE)
    return training["spec"]


@dataclass
class QuickstartFile(RealFederation):
    """`rounds`: fewer than in the file make a test shorter, here and in `fedtrain run`."""

    name: str = "quickstart"
    who: tuple[str, ...] = field(default_factory=_names)
    rounds: int = ALL_ROUNDS

    def write_data(self) -> None:
        for name in (*self.who, "test"):
            shutil.copy(QUICKSTART / "data" / f"{name}.jsonl", self.folder)

    def spec(self, storage: Json) -> Json:
        assert self.store is not None, "upload() comes first"
        training, places = _training(), super().spec(storage)
        training["model"] |= {name: places["model"][name] for name in ("base", "s3")}
        training["evaluation"]["hub"]["data"] = places["evaluation"]["hub"]["data"]
        assert training["rounds"]["count"] == ALL_ROUNDS
        training["rounds"]["count"] = self.rounds
        return training | {"storage": storage}

    def _start_alone(self, s3_server: S3Server) -> subprocess.Popen[bytes]:
        """The file as it is, but for the number of rounds."""
        for name in ("base", "data"):
            shutil.copytree(QUICKSTART / name, self.folder / name)
        text = FILE.read_text()
        assert text.count(f"count: {ALL_ROUNDS}\n") == 1
        file = self.folder / "federation.yaml"
        file.write_text(text.replace(f"count: {ALL_ROUNDS}\n", f"count: {self.rounds}\n"))
        with (self.folder / "run.log").open("wb") as log:
            command = [COMMAND, "run", str(file), *THREADS_OF_PODS]
            return subprocess.Popen(command, env=environment(s3_server), stdout=log, stderr=log)
