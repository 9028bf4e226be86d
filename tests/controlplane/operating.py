"""fedtrain's operator as a process of its own, as a cluster would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.clusters.processes import free_port

NOT_ALLOWED = re.compile("system:serviceaccount:|Not enough permissions")


class Operator:
    """Enter it to start it; it may be killed and started again."""

    def __init__(self, kubeconfig: Path, folder: Path, **settings: str) -> None:
        """`settings`: further variables, without their FEDTRAIN_."""
        self.health = free_port()
        self.log = folder / f"operator-{self.health}.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "KUBECONFIG": str(kubeconfig),
            "FEDTRAIN_TRAINER_IMAGE": "example.org/trainer:1",
            "FEDTRAIN_HUB_IMAGE": "example.org/hub:1",
            "FEDTRAIN_HEALTH_PORT": str(self.health),
            "FEDTRAIN_METRICS_PORT": "0",
            "FEDTRAIN_POD_CHECK_SECONDS": "1",
            **{f"FEDTRAIN_{name}": value for name, value in settings.items()},
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fedtrain_operator"], env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """At once, as a node's end would."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if error is not None:
            error.add_note(f"the operator's log, {self.log}:\n{self.log.read_text()[-6000:]}")
        else:
            forbidden = [line for line in self.log.read_text().splitlines() if NOT_ALLOWED.search(line)]
            assert not forbidden, "it asked for what the chart does not allow"
