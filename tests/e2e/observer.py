"""Records what happens in a cluster while a test waits: pods that existed at the same time, and their logs."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import urllib3
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from hack.cluster.whole import WholeCluster

ALIVE = ("Pending", "Running")


@dataclass(frozen=True)
class Pod:
    """A pod of a training, at one moment."""

    name: str
    labels: dict[str, str]


class Observer:
    """Enter it to let it watch.

    Attributes:
        moments: the pods of trainings that had not ended, after each change of one.
    """

    def __init__(self, cluster: WholeCluster) -> None:
        self.moments: list[list[Pod]] = []
        self._pods = client.CoreV1Api(cluster.control_plane.client)
        self._watch = watch.Watch()
        self._logs = cluster.pod_logs
        self._kept = self._logs.with_name("logs-of-pods")  # on the same file system, so that links can be made
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=act, daemon=True) for act in (self._follow, self._keep)]

    def __enter__(self) -> Self:
        self._kept.mkdir(parents=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._watch.stop()

    def logs(self) -> dict[str, str]:
        """The logs of all containers that have run, also of pods that are gone."""
        return {path.name: path.read_text(errors="replace") for path in self._kept.iterdir()}

    def _follow(self) -> None:
        alive: dict[str, Pod] = {}
        while not self._stop.is_set():
            with suppress(ApiException, urllib3.exceptions.HTTPError):
                for event in filter(None, self._events()):  # None: the watch was stopped
                    pod = event["raw_object"]
                    uid, phase = pod["metadata"]["uid"], pod["status"]["phase"]
                    if event["type"] == "DELETED" or phase not in ALIVE:
                        alive.pop(uid, None)
                    else:
                        alive[uid] = Pod(pod["metadata"]["name"], pod["metadata"]["labels"])
                    self.moments.append(list(alive.values()))

    def _events(self) -> Iterator[Any]:
        return self._watch.stream(self._pods.list_pod_for_all_namespaces, label_selector="fedtrain.dev/run")

    def _keep(self) -> None:
        while not self._stop.wait(0.3):
            with suppress(FileNotFoundError):  # a folder that goes while it is looked through
                for log in self._logs.rglob("*.log"):
                    with suppress(FileExistsError):
                        # A second link to the file, which outlives the pod.
                        os.link(log, self._kept / "_".join(log.relative_to(self._logs).parts))
