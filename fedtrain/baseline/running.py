"""Runs the arms in parallel over one pool of workers. Each arm is an ordinary run with its own ledger."""

import threading
from collections.abc import Callable, Sequence

from fedtrain.baseline.arms import ArmRun
from fedtrain.ledger.run_claim import SpecDiffers
from fedtrain.ledger.store import StoreError
from fedtrain.runner.errors import RunError
from fedtrain.runner.events import Event
from fedtrain.runner.run import run
from fedtrain.runner.worker_pool import WorkerPool

Report = Callable[[ArmRun, Event], None]


class Lazily:
    """A pool that starts on first use."""

    def __init__(self, start: Callable[[], WorkerPool]) -> None:
        self._start = start
        self._pool: WorkerPool | None = None

    def __call__(self) -> WorkerPool:
        if self._pool is None:
            self._pool = self._start()
        return self._pool


def run_arms(arms: Sequence[ArmRun], pool: WorkerPool, report: Report) -> dict[str, str]:
    """Run or resume the arms until they end. Returns the reason of each failure, by label.

    The longest arm starts first. Each arm has a coordinator in a daemon thread."""
    failed: dict[str, str] = {}
    threads: list[threading.Thread] = []
    for arm in sorted(arms, key=lambda arm: -arm.steps):
        thread = threading.Thread(target=_run, args=(arm, pool, report, failed), name=arm.label, daemon=True)
        thread.start()
        threads.append(thread)
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)  # in slices, so that Ctrl-C interrupts
    return failed


def _run(arm: ArmRun, pool: WorkerPool, report: Report, failed: dict[str, str]) -> None:
    try:
        outcome = run(arm.federation, listener=lambda event: report(arm, event), pool=pool)
    except (RunError, StoreError, SpecDiffers) as error:
        failed[arm.label] = str(error)
        return
    if outcome.phase != "Succeeded":
        failed[arm.label] = outcome.message
