"""fedtrain's operator as a process of its own, as a cluster would run it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster.processes import LOOPBACK, free_port
from tests.support.zygote import Forked, fork

NOT_ALLOWED = re.compile("system:serviceaccount:|Not enough permissions")


def without_keys() -> dict[str, str]:
    """This process's environment, without what could lend another one its credentials."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


class Operator:
    """Enter it to start it; it may be killed and started again.

    Attributes:
        log: what it prints. A test that fails shows its end; in one that passes, nothing was forbidden to it.
        may_be_refused: but here it may have been, by an API server that had not read the roles yet when it answered.
    """

    command = (sys.executable, "-m", "fedtrain_operator")
    may_be_refused = False

    def __init__(self, kubeconfig: Path, folder: Path, zygote: str | None = None, **settings: str) -> None:
        """`zygote`: address of a process that has imported the operator, and forks it in a tenth of the time.
        `settings`: further variables, without their FEDTRAIN_."""
        self.health = free_port()
        self.log = folder / f"operator-{self.health}.log"
        told = {
            "TRAINER_IMAGE": "example.org/trainer:1",
            "HUB_IMAGE": "example.org/hub:1",
            "HEALTH_PORT": str(self.health),
            "METRICS_PORT": "0",
            "POD_CHECK_SECONDS": "1",
            **settings,
        }
        self.environment = {**without_keys(), "KUBECONFIG": str(kubeconfig)}
        self.environment |= {f"FEDTRAIN_{name}": value for name, value in told.items()}
        self._zygote = zygote
        if zygote is not None:
            self.log.touch()
            argv = json.dumps(["fedtrain_operator.main"])
            self.environment |= {"FEDTRAIN_TEST_ARGV": argv, "FEDTRAIN_TEST_LOG": str(self.log)}

    def start(self) -> None:
        if self._zygote is not None:
            self._forked = Forked(fork(self._zygote, self.environment))
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """At once, as a node's end would."""
        if self._zygote is None:
            self.process.kill()
            self.process.wait()
            return
        while self._forked.alive():  # it has no process group yet at first, so once may not be enough
            self._forked.kill()
            time.sleep(0.005)

    def metric(self, name: str) -> float:
        """What it tells Prometheus, with METRICS_PORT set; 0 while it doesn't answer, or has none of this name."""
        port = self.environment["FEDTRAIN_METRICS_PORT"]
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return 0.0
        return next((float(line.removeprefix(name)) for line in lines if line.startswith(f"{name} ")), 0.0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        said = self.log.read_text()
        if error is not None:
            error.add_note(f"the operator's log, {self.log}, ends:\n{said[-6000:]}")
        elif not self.may_be_refused:
            forbidden = [line for line in said.splitlines() if NOT_ALLOWED.search(line)]
            assert not forbidden, f"it asked for what the chart does not allow: {forbidden[:3]}"
