"""A whole cluster for tests, by kind: a control plane, and a node beside it whose power can be cut."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster.api import Json
from hack.cluster.cache import cache
from hack.cluster.engine import Engine
from hack.cluster.eventually import eventually
from hack.cluster.kind import Kind
from hack.cluster.packages import PackagesMissing
from hack.cluster.processes import Place, ProgramFailed, is_alive
from hack.cluster.whole import kills

NAME = "fedtrain-e2e"
"""With the number of the process behind it."""
HEALTHY = "http://127.0.0.1:10248/healthz"
"""Kubelet's."""


class KindCluster:
    """Enter it to start it. The remains of processes that have ended are removed first.

    It needs root's rights on this machine, and an engine that has them: tests read the pods' logs, and pods reach a
    store that tests start here.

    Attributes:
        control_plane: kubeconfig, client, kubectl, apply.
        pod_logs: the folder with the logs of its pods.
    """

    def __init__(self, engine: Engine, shared: Path) -> None:
        """
        Args:
            shared: a folder that pods find at the same path on their node.
        """
        self.control_plane = Kind(f"{NAME}-{os.getpid()}", engine)
        self.pod_logs = self.control_plane.folder / "pods"
        self._shared = str(shared)

    def __enter__(self) -> Self:
        if os.geteuid():
            raise PackagesMissing("Tests with real pods need root, with kind too: use sudo.")
        _remove_dead()
        self.pod_logs.mkdir(parents=True, exist_ok=True)  # an engine may refuse to mount what is not there
        mounts = {str(self.pod_logs): "/var/log/pods", self._shared: self._shared}
        shown = [{"hostPath": here, "containerPath": there} for here, there in mounts.items()]
        with self.control_plane.creating([{"role": "control-plane"}, {"role": "worker", "extraMounts": shown}]):
            self.control_plane.become_admin()
            (self._node,) = (node for node in self.control_plane.nodes() if node.endswith("worker"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.control_plane.remove()

    def furnish(self, images: Mapping[str, Path], context: Path, tags: Mapping[str, str]) -> None:
        """Gives it images, as `Kind.load` does, and the training operator."""
        self.control_plane.load(images, context, tags)
        self.control_plane.start_training_operator()

    @property
    def place(self) -> Place:
        """This machine's end of the engine's network."""
        return Place(self._execute("ip", "-4", "route", "show", "default").split()[2])

    def kill(self, pod: Json) -> None:
        for command in kills(pod):
            self._execute(*command)

    def cut_power(self) -> None:
        self.control_plane.engine.kill(self._node)

    def power_on(self) -> None:
        self.control_plane.engine.start(self._node)
        eventually(self._is_healthy)

    def _is_healthy(self) -> bool:
        try:
            self._execute("curl", "--silent", "--fail", HEALTHY)
        except ProgramFailed:
            return False
        return True

    def _execute(self, *command: str) -> str:
        return self.control_plane.engine.execute(self._node, *command)


def _remove_dead() -> None:
    for folder in cache("clusters").glob(f"kind-{NAME}-*"):
        name = folder.name.removeprefix("kind-")
        if not is_alive(name.rpartition("-")[2]) and (left := Kind.of(name)):
            left.remove()
