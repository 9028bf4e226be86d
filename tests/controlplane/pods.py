"""The kubelet's part, where there are no nodes: each pod's command runs as a process here, and its end is written into
the pod's status as a kubelet would."""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from fedtrain.contracts.transfer import GRANT_VARIABLE
from fedtrain.manifests.pod import CREDENTIALS
from hack.cluster.api import Api, Json, Refused
from hack.cluster.watch import Watch
from tests.support.operating import without_keys
from tests.support.pod_environment import environment_of
from tests.support.zygote import fork

OUTCOME = "/dev/termination-log"
LOOK, REFRESH = 0.2, 3.0
"""Seconds between two looks at the pods, and between two reads of the Secrets of one that runs."""


@dataclass
class Running:
    """A pod's process. `code` is None while it runs."""

    pod: Json
    folder: Path
    process: int
    refreshed: float = field(default_factory=time.monotonic)

    @property
    def code(self) -> int | None:
        said = self.folder / "exit"
        if said.is_file():
            return int(said.read_text())
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return int(said.read_text()) if said.is_file() else 137
        return None

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)

    @property
    def message(self) -> str:
        outcome = self.folder / "outcome"
        return outcome.read_text() if outcome.is_file() else ""


@dataclass
class Pods:
    """Runs the pods of fedtrain's tasks in all namespaces, in a thread. `started` counts the processes. Of pods whose
    names contain one of these texts:

    Attributes:
        held: they stay Pending.
        faults: what goes wrong around their writes (`tests.support.faults`).
        undead: their processes continue when the pods are deleted, as on an unreachable node.
    """

    api: Api
    zygote: str
    folder: Path
    held: set[str] = field(default_factory=set[str])
    faults: dict[str, str] = field(default_factory=dict[str, str])
    undead: set[str] = field(default_factory=set[str])
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    started: list[str] = field(default_factory=list[str])
    _seen: set[str] = field(default_factory=set[str])
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for one in self.running.values():
            one.kill()

    def go(self, text: str) -> None:
        """Lets the writes that are late in the pods of `faults[text]` happen."""
        Path(f"{self._fault_file(text)}.go").touch()

    def killed_at(self, text: str) -> list[str]:
        """The writes around which the faults of `faults[text]` have happened."""
        return [path.read_text() for path in self.folder.glob(f"{self._fault_file(text).name}.[0-9]*")]

    def _run(self) -> None:
        with Watch(self.api, "v1/pods", "fedtrain.dev/run") as watch:
            while not self._stop.wait(LOOK):
                with suppress(OSError, Refused):  # the API server may be gone for a while
                    self._look(watch.objects)

    def _look(self, pods: Mapping[str, Json]) -> None:
        """`pods`: by uid."""
        for uid in self.running.keys() - pods.keys():
            if not _among(self.running[uid].pod, self.undead):
                self.running.pop(uid).kill()
        for uid, pod in pods.items():
            if uid not in self._seen and not _among(pod, self.held):
                self._start(uid, pod)
        for uid, one in list(self.running.items()):
            if time.monotonic() > one.refreshed + REFRESH:
                self._mount_secrets(one.pod["metadata"]["namespace"], one.pod, one.folder / "credentials")
                one.refreshed = time.monotonic()
            if (code := one.code) is not None:
                self._tell(one.pod, ended(one.pod, code, one.message))
                del self.running[uid]

    def _start(self, uid: str, pod: Json) -> None:
        """Without its Secret a pod waits."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        (container,) = pod["spec"]["containers"]
        folder = self.folder / uid
        folder.mkdir(parents=True, exist_ok=True)
        if not self._mount_secrets(namespace, pod, folder / "credentials"):
            return
        environment = {
            variable: value.replace(CREDENTIALS, str(folder / "credentials"))
            for variable, value in environment_of(container).items()
            if variable != "HOME"
        }
        if GRANT_VARIABLE in environment:
            environment[GRANT_VARIABLE] = str(folder / "credentials" / "fedtrain-transfer" / "grant.json.gz")
        command = [str(folder / "outcome") if word == OUTCOME else word for word in container["command"]]
        assert command[:2] == ["python", "-m"]
        told = {
            "OMP_NUM_THREADS": "1",
            "FEDTRAIN_TEST_ARGV": json.dumps([f"{command[2]}.__main__", *command[3:]]),
            "FEDTRAIN_TEST_EXIT": str(folder / "exit"),
            "FEDTRAIN_TEST_LOG": str(folder / "log"),
        }
        for text in _among(pod, self.faults):
            told |= {"FEDTRAIN_TEST_KILL": self.faults[text], "FEDTRAIN_TEST_KILLED": str(self._fault_file(text))}
        self.running[uid] = Running(pod, folder, fork(self.zygote, {**without_keys(), **environment, **told}))
        self._seen.add(uid)
        self.started.append(name)
        self._tell(pod, {"phase": "Running"})

    def _fault_file(self, text: str) -> Path:
        return self.folder / f"fault{text}"

    def _mount_secrets(self, namespace: str, pod: Json, folder: Path) -> bool:
        """Write the files of the Secrets that the pod mounts; False while one is missing."""
        (container,) = pod["spec"]["containers"]
        mounts = {mount["name"]: Path(mount["mountPath"]).name for mount in container["volumeMounts"]}
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                secret = self.api.find("v1/secrets", volume["secret"]["secretName"], namespace)
                data = (secret or {}).get("data") or {}
                items = {one["key"]: one["path"] for one in volume["secret"].get("items", ())}
                files = items or {key: key for key in data}
                if secret is None or files.keys() - data.keys():
                    return False
                target = folder / mounts[volume["name"]]
                target.mkdir(parents=True, exist_ok=True)
                for key, path in files.items():
                    (target / f".{path}").write_bytes(base64.b64decode(data[key]))
                    (target / f".{path}").replace(target / path)
        return True

    def _tell(self, pod: Json, status: Json) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        with suppress(Refused):  # deleted meanwhile
            self.api.patch("v1/pods", name, {"status": status}, namespace, "status")


def ended(pod: Json, code: int, message: str = "") -> Json:
    """The status that a kubelet gives it, after its process has exited so."""
    (container,) = pod["spec"]["containers"]
    state = {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": message}}
    told = {"name": container["name"], "image": container["image"], "imageID": container["image"], "state": state}
    statuses = [{**told, "ready": False, "restartCount": 0}]
    return {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": statuses}


def _among(pod: Json, texts: Iterable[str]) -> list[str]:
    """Those that the pod's name contains; a test may change `texts` meanwhile."""
    return [text for text in tuple(texts) if text in pod["metadata"]["name"]]
