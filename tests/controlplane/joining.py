"""A hub and a participant with a control plane of its own, joined by `fedtrain participant invite` and the chart."""

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from fedtrain.cli.main import main
from fedtrain.manifests import labels
from hack.cluster.access import Access
from hack.cluster.api import Api, Json
from hack.cluster.control_plane import ControlPlane
from hack.cluster.kubeconfig import Credentials
from hack.cluster.tools import provide
from tests.controlplane.chart import PARTICIPANT_CHART, Release, variables
from tests.support.operating import Operator
from tests.unit.operator.worlds import task

WHO, HERE = "bank-r", "training"
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
HUB_SECRET, RENEWED_SECRET = "fedtrain-participant-hub", "fedtrain-participant-hub-renewed"


def order(name: str, who: str = WHO, gpus: int = 2) -> Json:
    """A TrainingTask as the coordinator creates it."""
    body = task("bank-b", participants=[{"name": "bank-a"}, {"name": "bank-b", "compute": {"gpusPerNode": gpus}}])
    metadata = {"name": name, "namespace": who, "labels": body["metadata"]["labels"] | {labels.CLUSTER: "Own"}}
    spec = {**body["spec"], "task": {**body["spec"]["task"], "participant": who}}
    return {**body, "metadata": metadata, "spec": spec}


def fedtrain(plane: ControlPlane, *arguments: str) -> Result:
    """Run `fedtrain participant ...` as the administrator of a cluster."""
    path = f"{provide('kubectl')['kubectl'].parent}{os.pathsep}{os.environ['PATH']}"
    command = ["participant", *arguments, f"--kubeconfig={plane.kubeconfig}"]
    return CliRunner(env={"PATH": path}).invoke(main, command)


def invite(plane: ControlPlane, name: str, folder: Path, command: str = "invite") -> Json:
    """The values that the command writes."""
    file = folder / f"{name}.yaml"
    done = fedtrain(plane, command, name, "--allow=*", f"--out={file}")
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o077 == 0
    return YAML(typ="safe").load(file.read_text())


@dataclass(frozen=True)
class Joined:
    """`credentials`: those of the participant at the hub. `files`: what the pod mounts."""

    hub: ControlPlane
    bank: ControlPlane
    release: Release
    credentials: Credentials
    files: Path

    @property
    def as_participant(self) -> Api:
        """The hub's API with the participant's token."""
        return Api(self.credentials)

    def mount(self) -> None:
        """Write the Secrets to `files`, as the kubelet does."""
        for secret in (HUB_SECRET, RENEWED_SECRET):
            for key, value in (self.bank.api.get("v1/secrets", secret, HERE).get("data") or {}).items():
                (self.files / key).write_bytes(base64.b64decode(value))

    def operator(self, folder: Path, **settings: str) -> Operator:
        """The operator's process with the variables and the rights of its pod."""
        given = variables(self.release.pod())
        own = {name.removeprefix("FEDTRAIN_"): value for name, value in given.items() if name.startswith("FEDTRAIN_")}
        ports = {name for name in own if name.endswith("_PORT")}
        kept = {name: value for name, value in own.items() if name not in ports}
        fast = {"HUB_CREDENTIALS": str(self.files), "HEARTBEAT_SECONDS": "1", "POD_CHECK_SECONDS": "1"}
        return Operator(self.release.kubeconfig(folder), folder, **{**kept, **fast, **settings})


def held_at(hub: Api, site: Access) -> list[str]:
    """The Secrets and ConfigMaps of the hub that hold something of a participant's cluster: the address or the
    certificate authority of its API server, or a token that it accepts."""
    authority = site.admin.authority.read_text().strip()
    known = (":".join(map(str, site.address)), authority, base64.b64encode(authority.encode()).decode()[:-4])
    found: list[str] = []
    for resource in ("v1/secrets", "v1/configmaps"):
        for body in hub.list(resource):
            texts = [text.encode() for text in (body.get("data") or {}).values()]
            if resource == "v1/secrets":
                texts = [base64.b64decode(text) for text in texts]
            whole = b"\n".join(texts).decode(errors="replace")
            if any(one in whole for one in known) or any(_accepts(site.api, one) for one in _TOKEN.findall(whole)):
                found.append(f"{body['metadata']['namespace']}/{body['metadata']['name']}")
    return found


def _accepts(site: Api, token: str) -> bool:
    review = site.create("authentication.k8s.io/v1/tokenreviews", {"metadata": {}, "spec": {"token": token}})
    return bool(review["status"].get("authenticated"))


def join(hub: ControlPlane, bank: ControlPlane, folder: Path, who: str = WHO) -> Joined:
    """Invite the participant at the hub and install its chart in its cluster."""
    values = invite(hub, who, folder)
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    bank.api.create("v1/namespaces", {"metadata": {"name": HERE, "labels": restricted}})
    release = Release(bank, HERE, "fedtrain-participant", PARTICIPANT_CHART)
    release.install(f"--values={folder / f'{who}.yaml'}")
    files = folder / "mounted"
    files.mkdir()
    credentials = Credentials(hub.admin.server, hub.admin.authority, values["hub"]["token"])
    joined = Joined(hub, bank, release, credentials, files)
    joined.mount()
    return joined
