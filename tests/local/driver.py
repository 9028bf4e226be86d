"""Runs a federation as `fedtrain run` does, with workers from a zygote: `driver.py FILE ZYGOTE PARALLEL`.

The zygote can fork it too: `main`, with the same arguments.
"""

import os
import sys
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from fedtrain.api.reading import read_file
from fedtrain.rounds import attempts
from fedtrain.runner.progress.plain import PlainProgress
from fedtrain.runner.run import run
from fedtrain.runner.worker_pool import WorkerPool
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
    attempts.BACK_OFF_SECONDS = float(os.environ.get("FEDTRAIN_TEST_BACK_OFF", attempts.BACK_OFF_SECONDS))
    pool = WorkerPool(partial(_launch, address), int(parallel))
    try:
        outcome = run(read_file(Path(file)), listener=PlainProgress(), pool=pool)
    finally:
        pool.close()
    return 0 if outcome.phase == "Succeeded" else 1


def _launch(address: str, environment: Mapping[str, str]) -> Forked:
    """Launch a worker, and note its process id for tests that kill it."""
    worker = launch(address, environment)
    if workers := os.environ.get("FEDTRAIN_TEST_WORKERS"):
        with Path(workers).open("a") as file:
            file.write(f"{worker.pid}\n")
    return worker


if __name__ == "__main__":
    sys.exit(drive(*sys.argv[1:]))
