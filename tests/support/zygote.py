"""Processes for tests that start many: one imports torch, and what else is asked for, once, and forks.

A request is a line of JSON, the environment. With `FEDTRAIN_TEST_ARGV` in it, a list, the fork calls `main` of the
module that the list begins with; the rest is its arguments. Its output is appended to the file `FEDTRAIN_TEST_LOG`, and
its exit code is left in the file `FEDTRAIN_TEST_EXIT`. Without, it is a warm worker, as `fedtrain run` has them. The
answer is the fork's process id. Only the start differs from `fedtrain.runner.worker_launcher`.

A connection whose line is `HELD` keeps the zygote: it ends when the last of these is closed, however its user ended.
"""

import contextlib
import fcntl
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

MODULES = (
    "fedtrain_aggregator.__main__",
    "fedtrain_operator.main",
    "opacus.grad_sample.grad_sample_module",
    "tests.local.driver",
)
"""What it imports beside torch."""
HELD = "held\n"


@contextlib.contextmanager
def running(folder: Path | None = None) -> Iterator[str]:
    """The address of a process that forks runs, trainers, aggregators and operators. All processes that name the same
    `folder` share one."""
    with contextlib.ExitStack() as stack:
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = str(folder / "zygote")
        with (folder / "zygote.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = _held(address)
            if held is None:
                command = [sys.executable, "-m", "tests.support.zygote", address]
                subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)
                held = _held(address)
        assert held is not None
        with held:
            yield address


def _held(address: str) -> socket.socket | None:
    """Connect to the zygote at this address; None if there is none. It does not end while a connection is open."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        connection.sendall(HELD.encode())
        if connection.recv(len(HELD)) == HELD.encode():
            return connection
    except OSError:
        pass
    connection.close()
    return None


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


def serve(address: str) -> None:
    """Import everything, and serve in a child: the caller's end means that requests are answered."""
    import boto3
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401
    from fedtrain_trainer import worker
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    from fedtrain.ledger.s3_credentials import Fixed, Keys, session

    for module in MODULES:
        importlib.import_module(module)
    worker.imported()
    get_checkpoint_conversion_mapping("llama")  # 6,500 regular expressions, else compiled in each fork
    nobody = session(Fixed(Keys(key_id="nobody", secret="none")), None)
    boto3.Session(botocore_session=nobody).client("s3", region_name="us-east-1")  # reads the description of S3
    torch.set_num_threads(1)
    Path(address).unlink(missing_ok=True)  # of a zygote that ended
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    with selectors.DefaultSelector() as ready:
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    _answer(listener, ready)
                else:
                    ready.unregister(key.fileobj)
                    key.data.close()
                    if len(ready.get_map()) == 1:
                        return


def _answer(listener: socket.socket, ready: selectors.BaseSelector) -> None:
    connection, _ = listener.accept()
    request = connection.makefile().readline()
    with contextlib.suppress(OSError):
        if request == HELD:
            ready.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(request.encode())
            return
        if request.endswith("\n"):  # else the process that asks was killed
            environment = json.loads(request)
            pid = os.fork()
            if pid == 0:
                for one in (listener, connection, *(key.data for key in ready.get_map().values() if key.data)):
                    one.close()
                ready.close()
                _become(environment)
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
    serve(sys.argv[1])
