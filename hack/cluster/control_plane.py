"""A Kubernetes control plane for tests: real etcd, API server, controllers, and the real training operator.

Ready in seconds, without root, engine or image. There are no nodes: pods stay Pending, unless a test sets their
status. Everything listens on loopback and ends with the context manager.
"""

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster.access import Access
from hack.cluster.certificates import SERVICES, make_key, make_server_certificate
from hack.cluster.kubeconfig import Credentials
from hack.cluster.processes import HERE, LOOPBACK, Place, Processes, answers, free_port
from hack.cluster.tools import provide
from hack.cluster.training_operator import TrainingOperator

API_SERVER_PORT = 6443
"""Where its address is not shared with other programs of this machine."""
TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "training-operator")


class ControlPlane(Access):
    """A control plane in a folder; enter it to start it.

    Attributes:
        logs: the folder with a log for each program; it stays after the end, etcd's data doesn't.
        processes: its programs, to kill and restart as faults: `etcd`, `kube-apiserver`, `kube-controller-manager`,
            `training-operator`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        place: Place = HERE,
        scheduler: bool = False,
        training_operator: bool = True,
        init_image: str = "",
        flags: Sequence[str] = (),
        controllers: Sequence[str] = ("*",),
    ) -> None:
        """
        Args:
            folder: an empty or missing folder for everything this control plane writes.
            scheduler: start kube-scheduler, for tests that make Node objects of their own.
            init_image: the image in which the workers of a PyTorchJob wait for their master, where there are nodes.
            flags: more flags for the API server.
            controllers: those that kube-controller-manager runs.
            training_operator: start the Kubeflow training operator, with PyTorchJob and its validation.
        """
        self.folder = folder
        self.logs = folder / "logs"
        self.kubeconfig = folder / "kubeconfig"
        self._place = place
        self._flags = flags
        self._controllers = controllers
        self._init_image = init_image
        self._scheduler = scheduler
        self._training_operator = training_operator

    def __enter__(self) -> Self:
        tools = provide(*TOOLS)
        self.processes = Processes(self.logs, self._place)
        try:
            self._start(tools)
        except BaseException:
            self.processes.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.kill()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def _start(self, tools: dict[str, Path]) -> None:
        etcd, peers, port = free_port(), free_port(), self._place.port(API_SERVER_PORT)
        self._certificates = self.folder / "certificates"
        self._certificates.mkdir(parents=True)
        # The name at which the API server looks for its certificate.
        authority = make_server_certificate(self._certificates / "apiserver.crt", LOOPBACK, self._place.address)
        self.admin = Credentials(f"https://{self._place.address}:{port}", authority, secrets.token_hex())
        self.processes.start(
            "etcd",
            tools["etcd"],
            f"--data-dir={self.folder / 'etcd'}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls=http://{LOOPBACK}:{etcd}",
            f"--advertise-client-urls=http://{LOOPBACK}:{etcd}",
            f"--listen-peer-urls=http://{LOOPBACK}:{peers}",
        )
        self.processes.start(
            "kube-apiserver",
            tools["kube-apiserver"],
            *self._api_server_flags(etcd, port),
            ready=lambda: answers(f"{self.admin.server}/readyz", authority, self.admin.token),
        )
        self.admin.write(self.kubeconfig)
        self._start_controllers(tools)
        if self._training_operator:
            folder = self.folder / "training-operator"
            operator = TrainingOperator(tools["training-operator"], folder, self._place, self._init_image)
            self.apply(operator.crd, operator.write_manifests(self.admin.authority))
            operator.start(self.processes, self.kubeconfig, self._certificates)

    def _api_server_flags(self, etcd: int, port: int) -> list[str]:
        tokens = self._certificates / "tokens.csv"
        tokens.write_text(f"{self.admin.token},admin,admin,system:masters\n")
        key = make_key(self._certificates / "service-accounts.key")
        return [
            f"--etcd-servers=http://{LOOPBACK}:{etcd}",
            f"--bind-address={self._place.address}",
            f"--advertise-address={self._place.address}",
            f"--secure-port={port}",
            f"--cert-dir={self._certificates}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICES}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # The Service `kubernetes` leads to the API server, except where no pod could reach it.
            f"--endpoint-reconciler-type={'none' if self._place.address == LOOPBACK else 'lease'}",
            "--allow-privileged=true",
            *self._flags,
        ]

    def _start_controllers(self, tools: dict[str, Path]) -> None:
        self.processes.start(
            "kube-controller-manager",
            tools["kube-controller-manager"],
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self._certificates / 'service-accounts.key'}",
            f"--root-ca-file={self.admin.authority}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--controllers={','.join(self._controllers)}",
        )
        if self._scheduler:
            self.processes.start(
                "kube-scheduler",
                tools["kube-scheduler"],
                f"--kubeconfig={self.kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
            )
