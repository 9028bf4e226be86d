"""fedtrain's operator, forked where its modules are imported already, and started again whenever it is gone."""

import json
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.zygote import fork

IMAGES = {"FEDTRAIN_TRAINER_IMAGE": "example.org/trainer:1", "FEDTRAIN_HUB_IMAGE": "example.org/hub:1"}
PORTS = {"FEDTRAIN_HEALTH_PORT": "0", "FEDTRAIN_METRICS_PORT": "0"}


@dataclass
class SupervisedOperator:
    """Enter it to start it, as a Deployment would: there is one from then on.

    Attributes:
        settings: variables of its environment.
        module: whose `main` it runs.
        starts: how often it has been started.
    """

    zygote: str
    kubeconfig: Path
    log: Path
    settings: dict[str, str] = field(default_factory=dict[str, str])
    module: str = "fedtrain_operator.main"
    starts: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.kill()
        if error is not None and self.log.is_file():
            error.add_note(f"the operator's log, {self.log}, ends:\n{self.log.read_text()[-6000:]}")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            try:
                os.kill(self._pid, 0)
            except ProcessLookupError:
                self._start()

    def _start(self) -> None:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        told = {"FEDTRAIN_TEST_ARGV": json.dumps([self.module]), "FEDTRAIN_TEST_LOG": str(self.log)}
        at = {"KUBECONFIG": str(self.kubeconfig), "FEDTRAIN_POD_CHECK_SECONDS": "1"}
        self._pid = fork(self.zygote, {**mine, **IMAGES, **PORTS, **at, **told, **self.settings})
        self.starts += 1
