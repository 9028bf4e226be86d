"""fedtrain in a cluster, as its users install it: with the chart."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.api import Json
from hack.cluster.eventually import eventually
from hack.cluster.products import ROOT
from hack.cluster.tools import provide
from hack.cluster.whole import WholeCluster

NAMESPACE = "fedtrain"
API_SERVERS = (443, 6443)
"""Their ports: the chart's default."""


@dataclass(frozen=True)
class Release:
    """A chart in a cluster, under its own name."""

    cluster: WholeCluster
    chart: str = "fedtrain"
    namespace: str = NAMESPACE

    def install(self, *settings: str, values: Path | None = None, wait: bool = True) -> None:
        """Install or upgrade it. `values`: a file. `wait`: until the operator is ready."""
        sets = [word for setting in settings for word in ("--set", setting)]
        flags = ["--create-namespace", "--reuse-values", *(["--wait"] if wait else [])]
        files = [f"--values={values}"] if values else []
        chart = str(ROOT / "helm" / self.chart)
        self._helm("upgrade", "--install", self.chart, chart, *flags, *files, *sets)

    def operator(self) -> Json:
        """Its pod, once there is one that is ready and none that ends."""
        return eventually(self._operator)

    def _operator(self) -> Json | None:
        pods = self.cluster.control_plane.api.list("v1/pods", self.namespace, "app.kubernetes.io/component=operator")
        ready = [pod for pod in pods if _is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]
        return ready[0] if len(ready) == len(pods) == 1 else None

    def _helm(self, *arguments: str) -> str:
        command = [str(provide("helm")["helm"]), "--namespace", self.namespace, *arguments]
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.control_plane.kubeconfig)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def connects_to(*ports: int, policy: str = "networkPolicy") -> str:
    """The setting of one of the chart's NetworkPolicies that lets pods connect to these ports."""
    return f"{policy}.egressPorts={{{','.join(map(str, ports))}}}"


def _is_ready(pod: Json) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
