"""`fedtrain run` with workers from a zygote, and an aggregator that is forked: `driver.py FILE ZYGOTE PARALLEL`.

The zygote can fork it too: `main`, with the same arguments.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from fedtrain.cli.main import main as fedtrain
from fedtrain.rounds import attempts
from fedtrain.runner import run
from fedtrain.runner.worker_pool import WorkerPool
from tests.support.forked_aggregator import use_forked_aggregator
from tests.support.zygote import Forked, launch


def main() -> int:
    """In a child, so that its exit code is known however it ends."""
    for name in ("FEDTRAIN_TEST_ARGV", "FEDTRAIN_TEST_EXIT"):
        del os.environ[name]  # not for the workers
    pid = os.fork()
    if pid != 0:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        code = drive(*sys.argv[1:])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def drive(file: str, address: str, parallel: str) -> int:
    """Call the command line. The adapter of a run in a bucket is exported to the folder of the file."""
    os.chdir(Path(file).parent)
    attempts.BACK_OFF_SECONDS = float(os.environ.get("FEDTRAIN_TEST_BACK_OFF", attempts.BACK_OFF_SECONDS))
    run.workers = partial(forked_workers, address, int(parallel))
    use_forked_aggregator()
    try:
        fedtrain(["run", file, "--plain"])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@contextlib.contextmanager
def forked_workers(address: str, count: int, *_: object) -> Iterator[WorkerPool]:
    pool = WorkerPool(partial(_launch, address), count)
    try:
        yield pool
    finally:
        pool.close()


def _launch(address: str, environment: Mapping[str, str]) -> Forked:
    """Launch a worker, and note its process id for tests that kill it."""
    worker = launch(address, environment)
    if workers := os.environ.get("FEDTRAIN_TEST_WORKERS"):
        with Path(workers).open("a") as file:
            file.write(f"{worker.pid}\n")
    return worker


if __name__ == "__main__":
    sys.exit(drive(*sys.argv[1:]))
