"""What tests with real pods need of a cluster, built here or by kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hack.cluster.access import Access
from hack.cluster.api import Json
from hack.cluster.processes import Place


def kills(pod: Json) -> Iterator[tuple[str, ...]]:
    """The commands for containerd, on the pod's node, that end its containers at once."""
    for container in pod["status"]["containerStatuses"]:
        name = container["containerID"].removeprefix("containerd://")
        yield "ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", name


class WholeCluster(Protocol):
    """A cluster with the training operator and one node that runs pods, with the images that tests use."""

    @property
    def control_plane(self) -> Access: ...

    @property
    def place(self) -> Place:
        """Where a server of a test's is reached by pods, too."""
        ...

    @property
    def pod_logs(self) -> Path:
        """The folder that kubelet writes them to. Beside it is room for links to them."""
        ...

    def kill(self, pod: Json) -> None:
        """Ends the containers of a pod at once, as the kernel does with one that uses too much memory.

        Raises:
            ProgramFailed: one of them has ended.
        """
        ...

    def cut_power(self) -> None:
        """All that runs on the node ends at once, and the API server hears nothing of it."""
        ...

    def power_on(self) -> None:
        """Returns when the node runs pods again."""
        ...
