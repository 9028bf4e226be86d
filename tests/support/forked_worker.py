"""A warm worker whose exit code becomes known: it ends its process at once, which a fork of the zygote must not do."""

import os
import sys
from pathlib import Path

from fedtrain_trainer import worker


def main() -> int:
    """`FILE`: runs a worker in a child, and writes the child's process id to FILE."""
    for name in ("FEDTRAIN_TEST_ARGV", "FEDTRAIN_TEST_EXIT"):
        del os.environ[name]
    pid = os.fork()
    if pid == 0:
        worker.main()
    Path(sys.argv[1]).write_text(str(pid))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
