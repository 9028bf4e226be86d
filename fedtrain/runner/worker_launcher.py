"""Start trainer processes (`python -m fedtrain_trainer.worker`), each in a session of its own with one log file.

`docs/decisions/0001-torchx.md` says why this does not go through TorchX.
"""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from fedtrain.runner.errors import RunError

_LOG_TAIL_LINES = 15
_EXIT_SECONDS = 10.0
"""Longest wait for a killed process; the kernel frees its GPU memory first."""


class Launched:
    """One trainer process and its children. `log_start`: size of the log file in bytes before this process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self._process = process
        self._log = log
        self._log_start = log_start

    def kill(self) -> None:
        """Kill the process and its children, and wait for the process to exit."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_SECONDS)

    def alive(self) -> bool:
        return self._process.poll() is None

    def log_tail(self) -> str:
        """Return the last lines that the process wrote; without any, how it ended."""
        try:
            with self._log.open("rb") as log:
                log.seek(self._log_start)
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return f"{self._log} is gone: something deleted the run's folder; {self._ended()}"
        return "\n".join(lines[-_LOG_TAIL_LINES:]) or f"{self._ended()}, without output in {self._log}"

    def _ended(self) -> str:
        code = self._process.poll()
        if code is None:
            return "the process runs"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class Launcher:
    """Starts workers. Output is appended, as soon as it is written, to `worker-<index>.log` in `log_folder`.
    `environment` is added to this process's. Raises RunError if the trainer is not installed or a process cannot be
    started."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        if importlib.util.find_spec("fedtrain_trainer") is None or importlib.util.find_spec("torch") is None:
            raise RunError("training on this machine needs the extra `local`: install `fedtrain[local]`")
        self._log_folder = log_folder
        self._environment = dict(environment)

    def __call__(self, environment: Mapping[str, str]) -> Launched:
        """Start a worker. The key is passed in the environment: every user of the machine can read arguments."""
        log = self._log_folder / f"worker-{environment['FEDTRAIN_WORKER_INDEX']}.log"
        try:
            self._log_folder.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as output:
                log_start = output.tell()
                process = subprocess.Popen(
                    [sys.executable, "-m", "fedtrain_trainer.worker"],
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                return Launched(process, log, log_start)
        except OSError as error:
            raise RunError(f"a trainer process cannot be started: {error.filename}: {error.strerror}") from error
