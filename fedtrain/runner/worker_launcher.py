"""Starting trainer processes through TorchX's `local_cwd` scheduler.

TorchX is held behind this one file: its scheduler replaces this process's signal handlers (put back here), has no
timeout on waiting, and ends all replicas of an app when one fails; hence one app a worker.
"""

import contextlib
import importlib.util
import os
import signal
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from fedtrain.runner.errors import RunError

_LOG_TAIL_LINES = 15
_ONE_AT_A_TIME = threading.Lock()


class Launched:
    """One trainer process and its children."""

    def __init__(self, runner: Any, handle: str, log_folder: Path) -> None:
        self._runner = runner
        self._handle = handle
        self._log_folder = log_folder

    def kill(self, pid: int | None) -> None:
        """Ends the process and its children at once; `pid` is what the process said of itself, if it did. (TorchX
        alone asks politely first, and waits for a process that hangs.)"""
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        with _own_signal_handlers():
            self._runner.cancel(self._handle)

    def alive(self) -> bool:
        status = self._runner.status(self._handle)
        return status is not None and not status.is_terminal()

    def log_tail(self) -> str:
        """The last lines that the process wrote."""
        logs = sorted(self._log_folder.glob(f"*/{self._handle.rsplit('/', 1)[-1]}/*/*/stderr.log"))
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return "\n".join(lines[-_LOG_TAIL_LINES:]) or f"(no output in {self._log_folder})"


class Launcher:
    """Starts the trainer's TorchX component `worker`; logs go under `log_folder`. Raises RunError without TorchX or
    the trainer installed."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._component = f"{_trainer_folder() / 'component.py'}:worker"
        with _own_signal_handlers():
            from torchx.runner import get_runner  # pyright: ignore[reportMissingTypeStubs]

            self._runner: Any = get_runner()

    def __call__(self, environment: Mapping[str, str]) -> Launched:
        with _own_signal_handlers(), _environment({**self._environment, **environment}):
            try:
                handle = self._runner.run_component(
                    self._component, [], "local_cwd", {"log_dir": str(self._log_folder)}
                )
            except Exception as error:
                raise RunError(f"a trainer process can't be started: {error}") from error
        return Launched(self._runner, handle, self._log_folder)


def _trainer_folder() -> Path:
    spec = importlib.util.find_spec("fedtrain_trainer")
    if spec is None or not spec.submodule_search_locations or importlib.util.find_spec("torchx") is None:
        raise RunError("training on this machine needs the extra `local`: install `fedtrain[local]`")
    return Path(next(iter(spec.submodule_search_locations)))


@contextlib.contextmanager
def _own_signal_handlers() -> Generator[None, None, None]:
    """Puts back what TorchX replaces. Signal handlers belong to the main thread; elsewhere it replaces none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None, None, None]:
    """Processes inherit the environment: the workers' key is in no argument list that others could read."""
    with _ONE_AT_A_TIME:
        before = dict(os.environ)
        os.environ.update(values)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
