"""Trainers for tests that start many: one process imports torch once and forks one each time it is asked.

A request is a line of JSON, the environment. With `FEDTRAIN_TEST_ARGV` in it the fork is `python -m fedtrain_trainer`
with those arguments, and its exit code goes to the file `FEDTRAIN_TEST_EXIT`; without, it is a warm worker, as
`fedtrain run` has them. The answer is the fork's process id.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path


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
            become(environment)
        connection.sendall(f"{pid}\n".encode())
        connection.close()


def become(environment: dict[str, str]) -> None:
    from fedtrain_trainer import __main__ as once
    from fedtrain_trainer import worker

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
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
