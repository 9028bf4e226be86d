"""The aggregator of a run on this machine, forked with its modules imported. Only the start differs from
`fedtrain.runner.aggregator_process`; a second one, after the first has died, starts as in use."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from fedtrain_aggregator import __main__ as aggregator

from fedtrain.runner import aggregator_process


class ForkedAggregator:
    """It waits for the path of its log, then for orders. To be made while the process has one thread."""

    def __init__(self) -> None:
        orders, answers = os.pipe(), os.pipe()
        self._pid, self._code = os.fork(), None
        if self._pid == 0:
            _serve(orders, answers)
        os.close(orders[0])
        os.close(answers[1])
        self.stdin, self.stdout = os.fdopen(orders[1], "w"), os.fdopen(answers[0])

    def poll(self, options: int = os.WNOHANG) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self._pid, options)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self) -> int | None:
        return self.poll(options=0)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            if self._code is None:
                os.kill(self._pid, signal.SIGKILL)


class Subprocess:
    """Stands for the module of this name."""

    PIPE = subprocess.PIPE

    def __init__(self) -> None:
        self._first: ForkedAggregator | None = ForkedAggregator()

    def Popen(self, *command: Any, stderr: IO[str], **settings: Any) -> Any:  # noqa: N802
        first, self._first = self._first, None
        if first is None or first.poll() is not None:
            return subprocess.Popen(*command, stderr=stderr, **settings)
        with suppress(OSError):  # it was killed meanwhile
            first.stdin.write(f"{stderr.name}\n")
            first.stdin.flush()
        return first


def use_forked_aggregator() -> None:
    """The next run of this process uses one. To be called while the process has one thread."""
    aggregator_process.subprocess = Subprocess()  # pyright: ignore[reportAttributeAccessIssue]


def _serve(orders: tuple[int, int], answers: tuple[int, int]) -> None:
    code = 1
    try:
        os.dup2(orders[0], 0)
        os.dup2(answers[1], 1)
        for one in (*orders, *answers):
            os.close(one)
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        with Path(sys.stdin.readline().removesuffix("\n")).open("ab") as log:
            os.dup2(log.fileno(), 2)
        sys.argv = ["fedtrain_aggregator", "--serve"]
        code = aggregator.main()
    finally:
        os._exit(code)
