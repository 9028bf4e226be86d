"""A whole cluster for tests, by kind: a control plane, and a node beside it whose power can be cut."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.clusters.api import Json
from tests.clusters.engine import Engine
from tests.clusters.eventually import eventually
from tests.clusters.kind import Kind
from tests.clusters.processes import Place, ProgramFailed

HEALTHY = "http://127.0.0.1:10248/healthz"
"""Kubelet's."""


class KindCluster:
    """Enter it to start it, after what is left of an earlier one of its name is removed.

    It needs an engine with root's rights on this machine: tests read the pods' logs, and pods reach a store that tests
    start here.

    Attributes:
        control_plane: kubeconfig, client, kubectl, apply.
        pod_logs: the folder with the logs of its pods.
    """

    def __init__(self, name: str, engine: Engine, shared: Path) -> None:
        """
        Args:
            shared: a folder that pods find at the same path on their node.
        """
        self.control_plane = Kind(name, engine)
        self.pod_logs = self.control_plane.folder / "pods"
        self._name = name
        self._shared = str(shared)

    def __enter__(self) -> Self:
        if old := Kind.of(self._name):
            old.remove()
        self.pod_logs.mkdir(parents=True)
        mounts = {str(self.pod_logs): "/var/log/pods", self._shared: self._shared}
        shown = [{"hostPath": here, "containerPath": there} for here, there in mounts.items()]
        try:
            self.control_plane.create([{"role": "control-plane"}, {"role": "worker", "extraMounts": shown}])
            self.control_plane.become_admin()
            (self._node,) = (node for node in self.control_plane.nodes() if node.endswith("worker"))
        except BaseException:
            self.control_plane.remove()
            raise
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
        for container in pod["status"]["containerStatuses"]:
            name = container["containerID"].removeprefix("containerd://")
            self._execute("ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", name)

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
