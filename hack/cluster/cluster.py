"""A whole Kubernetes cluster on this machine: a control plane, the training operator, a node that runs pods, and DNS.

It needs root and Debian packages, but neither an engine nor a registry. Several can run at once; they reach each other
and this machine by their addresses.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from hack.cluster.api import Json
from hack.cluster.cache import cache
from hack.cluster.control_plane import ControlPlane
from hack.cluster.images import BUSYBOX, Image, busybox, store
from hack.cluster.node import Node
from hack.cluster.packages import need_packages
from hack.cluster.processes import Place, is_alive
from hack.cluster.space import Space

DISCARDED = ".discarded-"
"""Folders that are being deleted; those of a machine that was switched off meanwhile are deleted by the next start."""


class Cluster:
    """A cluster with a name; enter it to start it.

    Attributes:
        control_plane: kubeconfig, client, kubectl, apply, and the programs by name.
        node: its one node.
        space: its namespaces, and their address.
        kubeconfig: a file with the rights of cluster-admin.
        images: the images pods can use once it has started, besides busybox.
        pod_logs: the folder with the logs of its pods.
        logs: the folder with a log for each program; it stays until another process starts a cluster.
    """

    def __init__(self, name: str, *, images: Sequence[Image] = (), persistent: bool = False) -> None:
        """
        Args:
            name: unless the cluster is persistent, other processes can have clusters of the same name.
            images: see the attribute.
            persistent: whether the cluster stays when this process ends.
        """
        self.name = name
        self.folder = cache("clusters") / (name if persistent else f"{name}.{os.getpid()}")
        self.space = Space(self.folder, persistent=persistent)
        self.kubeconfig = self.folder / "kubeconfig"
        self.logs = self.folder / "logs"
        self.pod_logs = self.folder / "pods"
        self.images = list(images)

    def __enter__(self) -> Self:
        need_packages()
        images = store(busybox(), *self.images)
        self.remove()
        _remove_dead()
        self.logs.mkdir(parents=True)
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.space.start()
            self.node = Node(self.name, self.space, self.folder)
            self.control_plane = ControlPlane(
                self.folder,
                place=self.space.place,
                scheduler=True,
                init_image=BUSYBOX,
                flags=self.node.make_certificate(),
            )
            undo.enter_context(self.control_plane)
            self.node.start(images, self.control_plane)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    @property
    def place(self) -> Place:
        """Where its programs run; others of this machine can, too."""
        return self.space.place

    def kill(self, pod: Json) -> None:
        self.node.kill(pod)

    def cut_power(self) -> None:
        self.node.cut_power(self.control_plane)

    def power_on(self) -> None:
        self.node.power_on(self.control_plane)

    def stop(self) -> None:
        """Ends the cluster of this name, whichever process started it, and keeps its logs."""
        self.space.stop()
        for name in ("containerd", "kubelet", "etcd"):
            _discard(self.folder / name)

    def remove(self) -> None:
        """Ends the cluster of this name, whichever process started it, and removes all it had."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _remove_dead() -> None:
    """Remove the logs of clusters whose processes have ended, and all their files if they were killed."""
    for folder in cache("clusters").glob("*.*"):
        process = folder.suffix.removeprefix(".")
        if process.isdigit() and not is_alive(process):
            _discard(folder)
    for folder in cache("clusters").glob(f"{DISCARDED}*"):
        _delete(folder)


def _discard(folder: Path) -> None:
    """Delete a folder in the background: containerd's has 130,000 files, which takes the disk half a minute."""
    if folder.exists():
        _delete(folder.rename(cache("clusters") / f"{DISCARDED}{uuid4().hex}"))


def _delete(folder: Path) -> None:
    subprocess.Popen(["rm", "--recursive", "--force", str(folder)], stderr=subprocess.DEVNULL, start_new_session=True)
