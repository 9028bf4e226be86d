"""`fedtrain` for shell commands of tests: a small program asks the zygote for a process that calls the command line.

`python forked_command.py ZYGOTE FOLDER WORD...` waits for it, prints what it printed and ends as it does. Between
commands nothing but the standard library is imported, and the zygote has imported torch already.
"""

import io
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

PROMPT = "a small bird with a red breast:\n"
"""Input of each command: `fedtrain try` without a prompt asks for one."""


def ask() -> int:
    from zygote import Forked, fork  # beside this file: the shell has no PYTHONPATH

    address, *words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        log, code = Path(folder) / "log", Path(folder) / "code"
        settings = {
            "FEDTRAIN_TEST_ARGV": json.dumps(["tests.support.forked_command", address, str(Path.cwd()), *words]),
            "FEDTRAIN_TEST_LOG": str(log),
            "FEDTRAIN_TEST_EXIT": str(code),
        }
        process = Forked(fork(address, {**os.environ, **settings}))
        while process.alive():
            time.sleep(0.02)
        print(log.read_text(), end="")
        return int(code.read_text())


def main() -> int:
    """In a fork of the zygote: `ZYGOTE FOLDER WORD...`."""
    from fedtrain.cli.main import main as fedtrain
    from fedtrain.runner import run
    from tests.local.driver import forked_workers
    from tests.support.forked_aggregator import use_forked_aggregator

    for name in ("FEDTRAIN_TEST_ARGV", "FEDTRAIN_TEST_EXIT"):
        del os.environ[name]  # not for the workers
    address, folder, *words = sys.argv[1:]
    os.chdir(folder)
    sys.stdin = io.StringIO(PROMPT)
    run.workers = partial(forked_workers, address, 2)
    use_forked_aggregator()
    try:
        fedtrain(words)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.exit(ask())
