"""Processes for tests that start many: one imports torch, and what else is asked for, once, and forks.

A request is a line of JSON, the environment. With `FEDTRAIN_TEST_ARGV` in it, a list, the fork calls `main` of the
module that the list begins with; the rest is its arguments. Its output is appended to the file `FEDTRAIN_TEST_LOG`, and
its exit code is left in the file `FEDTRAIN_TEST_EXIT`. Without, it is a warm worker, as `fedtrain run` has them. The
answer is the fork's process id. Only the start differs from `fedtrain.runner.worker_launcher`.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def running(*modules: str) -> Iterator[str]:
    """The address of a process that forks trainers, and what else needs these modules."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "zygote")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.support.zygote", address, *modules]
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
        self.pid = pid

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
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


def serve(address: str, *modules: str) -> None:
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401
    from fedtrain_trainer import worker

    for module in modules:
        importlib.import_module(module)
    worker.imported()
    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        request = connection.makefile().readline()
        if not request.endswith("\n"):  # the process that asks was killed
            connection.close()
            continue
        environment = json.loads(request)
        pid = os.fork()
        if pid == 0:
            listener.close()
            connection.close()
            _become(environment)
        with contextlib.suppress(OSError):
            connection.sendall(f"{pid}\n".encode())
        connection.close()


def _become(environment: dict[str, str]) -> None:
    from fedtrain_trainer import worker

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    if "FEDTRAIN_TEST_LOG" in environment:
        with Path(environment["FEDTRAIN_TEST_LOG"]).open("ab") as log:
            os.dup2(log.fileno(), sys.stderr.fileno())
            os.dup2(log.fileno(), sys.stdout.fileno())
    if "FEDTRAIN_TEST_KILLED" in environment:
        from tests.support.faults import arm

        arm()
    arguments = environment.get("FEDTRAIN_TEST_ARGV")
    code = 1
    try:
        code = (worker.main() or 0) if arguments is None else _command(*json.loads(arguments))
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        if "FEDTRAIN_TEST_EXIT" in environment:
            whole = Path(environment["FEDTRAIN_TEST_EXIT"] + ".new")
            whole.write_text(str(code))
            whole.rename(environment["FEDTRAIN_TEST_EXIT"])
        os._exit(code)


def _command(module: str, *arguments: str) -> int:
    """The module's `main`, as if it had been called with these arguments."""
    sys.argv = [module, *arguments]
    return importlib.import_module(module).main()


if __name__ == "__main__":
    serve(*sys.argv[1:])
