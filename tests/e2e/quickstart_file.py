"""The quickstart's own file on clusters: its model, rows and settings. Only places differ: those of the base model, of
the rows and of the ledger. A run of fewer rounds is shorter in other ways, too: in steps and test rows."""

import shutil
import subprocess
from dataclasses import dataclass, field

from ruamel.yaml import YAML

from hack.cluster.api import Json
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import QUICKSTART
from tests.e2e.federation import COMMAND, RealFederation, environment

FILE = QUICKSTART / "federation.yaml"
ALL_ROUNDS, ALL_STEPS = 12, 25
"""Numbers of rounds, and of steps per round, in the file."""
LESS_STEPS, LESS_TEST_ROWS = 5, 96


def _names() -> tuple[str, ...]:
    return tuple(one["name"] for one in _training()["participants"])


def _training() -> Json:
    """The `spec` of the file's training."""
    training, *_ = YAML(typ="safe").load_all(FILE)
    return training["spec"]


@dataclass
class QuickstartFile(RealFederation):
    """`rounds`: fewer than in the file make a test shorter, on clusters and in `fedtrain run`."""

    name: str = "quickstart"
    who: tuple[str, ...] = field(default_factory=_names)
    rounds: int = ALL_ROUNDS

    @property
    def steps(self) -> int:
        return ALL_STEPS if self.rounds == ALL_ROUNDS else LESS_STEPS

    def write_data(self) -> None:
        shutil.copytree(QUICKSTART / "data", self.folder / "data")
        if self.rounds < ALL_ROUNDS:
            test = self.folder / "data/test.jsonl"
            test.write_text("".join(test.read_text().splitlines(keepends=True)[:LESS_TEST_ROWS]))
        for name in (*self.who, "test"):
            shutil.copy(self.folder / "data" / f"{name}.jsonl", self.folder)

    def spec(self, storage: Json) -> Json:
        assert self.store is not None, "upload() comes first"
        training, places = _training(), super().spec(storage)
        training["model"] |= {name: places["model"][name] for name in ("base", "s3")}
        training["evaluation"]["hub"]["data"] = places["evaluation"]["hub"]["data"]
        training["rounds"]["count"], training["training"]["length"]["steps"] = self.rounds, self.steps
        return training | {"storage": storage}

    def _start_alone(self, s3_server: S3Server) -> subprocess.Popen[bytes]:
        """The file as it is, but for the numbers of rounds and steps."""
        shutil.copytree(QUICKSTART / "base", self.folder / "base")
        text = FILE.read_text()
        for before, now in (
            (f"count: {ALL_ROUNDS}\n", f"count: {self.rounds}\n"),
            (f"steps: {ALL_STEPS}}}", f"steps: {self.steps}}}"),
        ):
            assert text.count(before) == 1, before
            text = text.replace(before, now)
        file = self.folder / "federation.yaml"
        file.write_text(text)
        with (self.folder / "run.log").open("wb") as log:
            command = [COMMAND, "run", str(file)]
            return subprocess.Popen(command, env=environment(s3_server), stdout=log, stderr=log)
