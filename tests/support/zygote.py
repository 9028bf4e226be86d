"""Trainers for tests that start many: one process imports torch once and forks one each time it is asked.

A request is a line of JSON, the environment. With `FEDTRAIN_TEST_ARGV` in it the fork is `python -m fedtrain_trainer`
with those arguments, and its exit code goes to the file `FEDTRAIN_TEST_EXIT`; without, it is a warm worker, as
`fedtrain run` has them. The answer is the fork's process id. Only the start differs from `fedtrain.local.launching`.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The address of a process that forks trainers."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "zygote")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.support.zygote", address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield address
            finally:
                process.kill()


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
    """Asks the zygote at `address` for a warm worker with this environment on top of this process's."""
    return Forked(fork(address, {**os.environ, **environment}))


def fork(address: str, environment: Mapping[str, str]) -> int:
    """Asks the zygote at `address` for a process with exactly this environment; its process id."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall(json.dumps(dict(environment)).encode() + b"\n")
        return int(connection.makefile().readline())


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
            _become(environment)
        connection.sendall(f"{pid}\n".encode())
        connection.close()


def _become(environment: dict[str, str]) -> None:
    from fedtrain_trainer import __main__ as once
    from fedtrain_trainer import worker

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    if environment.get("FEDTRAIN_TEST_KILLED"):  # Python's start would have found it there
        sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
        from fedtrain_kill import arm

        arm()
    code = 1
    try:
        arguments = environment.get("FEDTRAIN_TEST_ARGV")
        code = (worker.main() or 0) if arguments is None else once.main(json.loads(arguments))
    finally:
        if "FEDTRAIN_TEST_EXIT" in environment:
            whole = Path(environment["FEDTRAIN_TEST_EXIT"] + ".new")
            whole.write_text(str(code))
            whole.rename(environment["FEDTRAIN_TEST_EXIT"])
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
