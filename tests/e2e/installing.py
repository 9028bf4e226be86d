"""fedtrain in a cluster, as its users install it: with the chart."""

import os
import subprocess
from dataclasses import dataclass

from hack.cluster.api import Json
from hack.cluster.eventually import eventually
from hack.cluster.products import ROOT
from hack.cluster.tools import provide
from hack.cluster.whole import WholeCluster

NAMESPACE = "fedtrain"


@dataclass(frozen=True)
class Release:
    """The chart in a cluster."""

    cluster: WholeCluster

    def install(self, *settings: str) -> None:
        """Waits until the operator is ready."""
        sets = [word for setting in settings for word in ("--set", setting)]
        chart = str(ROOT / "helm" / "fedtrain")
        self._helm("upgrade", "--install", "fedtrain", chart, "--create-namespace", "--reuse-values", "--wait", *sets)

    def operator(self) -> Json:
        """Its pod, once there is one that is ready and none that ends."""
        return eventually(self._operator, 60)

    def _operator(self) -> Json | None:
        pods = self.cluster.control_plane.api.list("v1/pods", NAMESPACE, "app.kubernetes.io/component=operator")
        ready = [pod for pod in pods if _is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]
        return ready[0] if len(ready) == len(pods) == 1 else None

    def _helm(self, *arguments: str) -> str:
        command = [str(provide("helm")["helm"]), "--namespace", NAMESPACE, *arguments]
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.control_plane.kubeconfig)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _is_ready(pod: Json) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
