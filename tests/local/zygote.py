"""Trainer workers for tests that start many: one process imports torch once and forks a worker each time it is asked.

The forked worker runs the real worker's main. Only the start differs from `fedtrain.local.launching`.
"""

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path


class Forked:
    """A worker that the zygote forked."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def kill(self, pid: int | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def alive(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def log_tail(self) -> str:
        return "(a forked worker)"


def launch(address: str, environment: Mapping[str, str]) -> Forked:
    """Asks the zygote at `address` for a worker with this environment on top of this process's."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall(json.dumps({**os.environ, **environment}).encode() + b"\n")
        return Forked(int(connection.makefile().readline()))


def serve(address: str) -> None:
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401
    from fedtrain_trainer import worker

    worker.imported()

    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        environment = json.loads(connection.makefile().readline())
        pid = os.fork()
        if pid == 0:
            listener.close()
            connection.close()
            _become_worker(environment)
        connection.sendall(f"{pid}\n".encode())
        connection.close()


def _become_worker(environment: dict[str, str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    from fedtrain_trainer.worker import main

    if environment.get("FEDTRAIN_TEST_KILLED"):
        from fedtrain_kill import arm

        arm()
    code = 1
    try:
        code = main() or 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent / "killing"))
    serve(sys.argv[1])
