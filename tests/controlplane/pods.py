"""The kubelet's part, where there are no nodes: each pod's command runs as a process here, and its end is written into
the pod's status as a kubelet would."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.clusters.api import Api, Json, Refused
from tests.support.zygote import fork

OUTCOME = "/dev/termination-log"


@dataclass
class Running:
    """A pod's process. `code` is None while it runs."""

    pod: Json
    folder: Path
    process: subprocess.Popen[bytes] | int

    @property
    def code(self) -> int | None:
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll()
        said = self.folder / "exit"
        if said.is_file():
            return int(said.read_text())
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return int(said.read_text()) if said.is_file() else 137
        return None

    def kill(self) -> None:
        if isinstance(self.process, subprocess.Popen):
            self.process.kill()
            self.process.wait()
        else:
            with suppress(ProcessLookupError):
                os.killpg(self.process, signal.SIGKILL)

    @property
    def message(self) -> str:
        outcome = self.folder / "outcome"
        return outcome.read_text() if outcome.is_file() else ""


@dataclass
class Pods:
    """Runs the pods of fedtrain's tasks in all namespaces, in a thread. `held`: pods whose names contain one of these
    texts stay Pending. `started` counts the processes."""

    api: Api
    zygote: str
    folder: Path
    held: set[str] = field(default_factory=set[str])
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    started: list[str] = field(default_factory=list[str])
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

    def _run(self) -> None:
        seen: set[str] = set()
        while not self._stop.wait(0.1):
            with suppress(OSError, Refused):
                pods = {pod["metadata"]["uid"]: pod for pod in self.api.list("v1/pods", labels="fedtrain.dev/run")}
                for uid in self.running.keys() - pods.keys():
                    self.running.pop(uid).kill()
                for uid, pod in pods.items():
                    if uid not in seen and not any(text in pod["metadata"]["name"] for text in self.held):
                        seen.add(uid)
                        self._start(uid, pod)
                for uid, one in list(self.running.items()):
                    if (code := one.code) is not None:
                        del self.running[uid]
                        self._ended(one, code)

    def _start(self, uid: str, pod: Json) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        (container,) = pod["spec"]["containers"]
        folder = self.folder / uid
        folder.mkdir(parents=True)
        environment = {**_mine(), **self._environment(namespace, container)}
        command = [str(folder / "outcome") if word == OUTCOME else word for word in container["command"]]
        assert command[:2] == ["python", "-m"]
        process: subprocess.Popen[bytes] | int
        if command[2] == "fedtrain_trainer":
            told = {"FEDTRAIN_TEST_ARGV": json.dumps(command[3:]), "FEDTRAIN_TEST_EXIT": str(folder / "exit")}
            process = fork(self.zygote, {**environment, **told})
        else:
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen([sys.executable, *command[1:]], env=environment, stderr=log)
        self.running[uid] = Running(pod, folder, process)
        self.started.append(name)
        self._tell(pod, {"phase": "Running"})

    def _environment(self, namespace: str, container: Json) -> dict[str, str]:
        """As the kubelet makes it: Secrets first, then the container's own variables."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            data = self.api.get("v1/secrets", source["secretRef"]["name"], namespace)["data"]
            found |= {key: base64.b64decode(value).decode() for key, value in data.items()}
        return found | {item["name"]: item["value"] for item in container["env"] if item["name"] != "HOME"}

    def _ended(self, one: Running, code: int) -> None:
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": one.message}
        name = one.pod["spec"]["containers"][0]["name"]
        state = {"terminated": ended}
        image = one.pod["spec"]["containers"][0]["image"]
        status = {"name": name, "state": state, "ready": False, "restartCount": 0, "image": image, "imageID": image}
        self._tell(one.pod, {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [status]})

    def _tell(self, pod: Json, status: Json) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        with suppress(Refused):  # deleted meanwhile
            self.api.patch("v1/pods", name, {"status": status}, namespace, "status")


def _mine() -> dict[str, str]:
    """This process's environment, without what could lend a pod its credentials."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"OMP_NUM_THREADS": "1"}
