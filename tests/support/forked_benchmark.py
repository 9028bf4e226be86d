"""A benchmark in small, in a process that the zygote forked, with workers that it forks too."""

import os
import runpy
import sys
from functools import partial
from pathlib import Path

from fedtrain.runner import run
from tests.local.driver import forked_workers


def main() -> int:
    """`FILE ZYGOTE`."""
    for name in ("FEDTRAIN_TEST_ARGV", "FEDTRAIN_TEST_EXIT"):
        del os.environ[name]  # not for the workers
    file, address = sys.argv[1:]
    run.workers = partial(forked_workers, address, 2)
    sys.argv = [file, "--smoke"]
    sys.path.insert(0, str(Path(file).parent))
    try:
        runpy.run_path(file, run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
    return 0
