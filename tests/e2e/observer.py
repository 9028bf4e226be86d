"""What goes on in a cluster while a test waits: which pods there were at the same time, and all they ever wrote."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.clusters.api import Api, Json, Refused
from tests.clusters.cluster import Cluster


class Observer:
    """Enter it to let it watch.

    Attributes:
        moments: the pods of trainings that had not ended, at each moment that was looked at.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.moments: list[list[Json]] = []
        self._api: Api = cluster.control_plane.api
        self._logs = cluster.folder / "pods"
        self._kept = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._kept.mkdir(parents=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def logs(self) -> dict[str, str]:
        """The logs of all containers that have run, also of pods that are gone."""
        return {path.name: path.read_text(errors="replace") for path in self._kept.iterdir()}

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            with suppress(OSError, Refused):
                pods = self._api.list("v1/pods", labels="fedtrain.dev/run")
                alive = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
                self.moments.append(alive)
            for log in self._logs.rglob("*.log"):
                # A second link to the file, which outlives the pod.
                with suppress(FileExistsError, FileNotFoundError):
                    os.link(log, self._kept / "_".join(log.relative_to(self._logs).parts))
