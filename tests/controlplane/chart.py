"""fedtrain's chart, installed with the real helm. Pods do not run here; processes with their environment and with the
rights of their ServiceAccount take their place."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.cluster.api import Api, Json
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from hack.cluster.tools import provide

CHART = Path(__file__).parents[2] / "helm" / "fedtrain"
PARTICIPANT_CHART = CHART.parent / "fedtrain-participant"
KUBERNETES = "1.34.4"


class HelmRefused(Exception):
    """helm failed; the message is its output."""


def helm(*arguments: str | Path, values: Mapping[str, Any] | None = None, kubeconfig: Path | None = None) -> str:
    """Run helm and return its output.

    Raises:
        HelmRefused: it failed.
    """
    found = [f"--set-json={name}={json.dumps(value)}" for name, value in (values or {}).items()]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig or os.devnull)}
    command = [str(provide("helm")["helm"]), *map(str, arguments), *found]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmRefused(done.stdout + done.stderr)
    return done.stdout


@dataclass(frozen=True)
class Release:
    """One installation of the chart."""

    plane: ControlPlane
    namespace: str
    name: str = "fedtrain"
    chart: Path = CHART

    def install(self, *flags: str, **values: Any) -> str:
        return self._helm("install", self.name, self.chart, "--create-namespace", *flags, values=values)

    def upgrade(self, **values: Any) -> str:
        return self._helm("upgrade", self.name, self.chart, "--reuse-values", values=values)

    def uninstall(self, *flags: str) -> str:
        return self._helm("uninstall", self.name, *flags)

    def test(self) -> str:
        return self._helm("test", self.name)

    def run(self, command: str) -> str:
        """Run a helm command as printed for users."""
        program, *words = command.split()
        assert program == "helm"
        return helm(*words, kubeconfig=self.plane.kubeconfig)

    def _helm(self, *arguments: str | Path, values: Mapping[str, Any] | None = None) -> str:
        return helm(*arguments, f"--namespace={self.namespace}", values=values, kubeconfig=self.plane.kubeconfig)

    def account(self) -> Credentials:
        """Credentials of the operator's pod."""
        return self.plane.service_account(self.namespace, self.pod()["serviceAccountName"])

    def kubeconfig(self, folder: Path) -> Path:
        return self.account().write(folder / f"{self.namespace}-{self.name}.kubeconfig")

    def pod(self) -> Json:
        """Spec of the operator's pod, from the Deployment."""
        return self.plane.api.get("apps/v1/deployments", self.name, self.namespace)["spec"]["template"]["spec"]

    def settings(self) -> dict[str, str]:
        """Variables of the operator's pod without the prefix FEDTRAIN_, except ports and intervals."""
        told = {name.removeprefix("FEDTRAIN_"): value for name, value in variables(self.pod()).items()}
        return {name: value for name, value in told.items() if not name.endswith(("_PORT", "_SECONDS"))}


def run_as_pod(plane: ControlPlane, namespace: str, labels: str, folder: Path, replaced: Mapping[str, str]) -> str:
    """Wait for a hook's pod, run its command, write its phase to the API server and return its output.

    Args:
        replaced: arguments of the command that this machine cannot use, and their replacements.
    """
    api: Api = plane.api
    (pod,) = eventually(lambda: [one for one in api.list("v1/pods", namespace, labels) if _waits(one)])
    account = plane.service_account(namespace, pod["spec"]["serviceAccountName"])
    (container,) = pod["spec"]["containers"]
    assert container["command"][:2] == ["python", "-m"]
    done = subprocess.run(
        [sys.executable, *(replaced.get(word, word) for word in container["command"][1:])],
        env={**os.environ, **variables(pod["spec"]), "KUBECONFIG": str(account.write(folder / "hook.kubeconfig"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    phase = "Failed" if done.returncode else "Succeeded"
    api.patch("v1/pods", pod["metadata"]["name"], {"status": {"phase": phase}}, namespace, "status")
    return done.stdout


def _waits(pod: Json) -> bool:
    return pod["status"].get("phase") == "Pending" and "deletionTimestamp" not in pod["metadata"]


def variables(pod: Json) -> dict[str, str]:
    """Environment of its container."""
    (container,) = pod["containers"]
    return {item["name"]: item["value"] for item in container["env"] if item["name"] != "HOME"}
