"""The operator as a process of its own, measured from outside."""

import os
import sys
import time
from pathlib import Path

from hack.cluster.eventually import eventually
from hack.cluster.processes import free_port
from tests.support.operating import Operator

_AS_IN_THE_IMAGE = """
import runpy, sys
sys.modules["kubernetes"] = None
runpy.run_module(sys.argv[1], run_name="__main__")
"""
"""kopf imports the package `kubernetes` where there is one, and holds 70 MiB then; the operator's image has none."""


class Process(Operator):
    """A Python module that runs until it is left. `began`: when it was started, by `time.monotonic`."""

    def __init__(self, module: str, kubeconfig: Path, log: Path, controllers: str = "coordinator") -> None:
        told = {"CONTROLLERS": controllers, "METRICS_PORT": str(free_port()), "POD_CHECK_SECONDS": "10"}
        super().__init__(kubeconfig, log.parent, **told)
        self.log = log
        self.command = (sys.executable, "-c", _AS_IN_THE_IMAGE, module)
        self.environment["MALLOC_ARENA_MAX"] = "2"  # as in the image, which has all bytecode too
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(self) -> None:
        self.began = time.monotonic()
        super().start()

    def reconciled(self, controller: str) -> float:
        """How many objects it has looked at at least once."""
        return self.metric(f'fedtrain_objects_reconciled{{controller="{controller}"}}')

    def wait_for(self, controller: str, objects: int, seconds: float) -> float:
        """Seconds from its start until it has read this number of objects."""
        eventually(lambda: self.reconciled(controller) >= objects, seconds, often=True)
        return time.monotonic() - self.began

    def wait_until_it_says(self, text: str, seconds: float) -> None:
        eventually(lambda: text in self.log.read_text(), seconds, often=True)

    def metric(self, name: str) -> float:
        assert self.process.poll() is None, self.log.read_text()[-6000:]
        return super().metric(name)

    def memory(self, field: str = "VmRSS") -> float:
        """MiB that it holds; `VmHWM`: at most, so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(f"{field}:"))

    def cpu(self) -> float:
        """Seconds of a core that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
