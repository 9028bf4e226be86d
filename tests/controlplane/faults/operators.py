"""fedtrain's operator, forked where its modules are imported already, and started again whenever it is gone."""

import json
import os
import signal
import threading
from pathlib import Path

from tests.support.operating import Operator


class SupervisedOperator(Operator):
    """Enter it to start it, as a Deployment would: there is one from then on.

    Attributes:
        starts: how often it has been started.
    """

    def __init__(
        self, zygote: str, kubeconfig: Path, folder: Path, module: str = "fedtrain_operator.main", **settings: str
    ) -> None:
        """`module`: whose `main` it runs."""
        super().__init__(kubeconfig, folder, zygote, HEALTH_PORT="0", **settings)
        self.environment["FEDTRAIN_TEST_ARGV"] = json.dumps([module])
        self.starts = 0
        self._stop = threading.Event()

    def start(self) -> None:
        self._stop.clear()
        self._fork()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """And none is started again."""
        self._stop.set()
        self._thread.join()
        super().kill()

    def freeze(self) -> None:
        """It does nothing until `thaw`, and what it is told meanwhile waits for it."""
        os.kill(self._forked.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._forked.pid, signal.SIGCONT)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            if not self._forked.alive():
                self._fork()

    def _fork(self) -> None:
        super().start()
        self.starts += 1
