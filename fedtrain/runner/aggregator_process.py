"""The hub's aggregator on one machine: a warm process that is handed one order after another, a line of JSON each."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from fedtrain.api.storage import Storage
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_RETRY
from fedtrain.contracts.records import Run
from fedtrain.contracts.wire.aggregation import AggregationOrder
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain.runner.errors import RunError
from fedtrain.runner.worker_pool import Ended, Events

WORKER = -1
"""The worker index in events of the aggregator."""


class AggregatorProcess:
    """Serves one run. The process starts with the first order and ends with this one; if it dies, the next order
    starts another."""

    def __init__(
        self, run: Run, storage: Storage, log: Path, events: Events, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._run = run
        self._storage = storage
        self._log = log
        self._events = events
        self._clock = clock
        self._lock = threading.Lock()
        self._executions: dict[TaskKey, Execution] = {}
        self._orders: queue.Queue[tuple[TaskKey, AggregateOrder] | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self._broken = ""
        threading.Thread(target=self._serve, daemon=True).start()

    def executions(self) -> dict[TaskKey, Execution]:
        """Raises RunError if the process cannot be started."""
        with self._lock:
            if self._broken:
                raise RunError(self._broken)
            return dict(self._executions)

    def submit(self, key: TaskKey, order: AggregateOrder) -> None:
        with self._lock:
            known = self._executions.get(key)
            if known is not None and known.state == "Running":
                return
            self._executions[key] = Execution("Running")
        self._orders.put((key, order))

    def cancel(self, key: TaskKey) -> None:
        with self._lock:
            known = self._executions.pop(key, None)
            if known is not None and known.state == "Running" and self._process is not None:
                self._process.kill()

    def close(self) -> None:
        self._orders.put(None)
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _serve(self) -> None:
        while (item := self._orders.get()) is not None:
            key, order = item
            since = self._clock()
            code, reason = self._aggregate(order)
            now = self._clock()
            state = "Done" if code == EXIT_DONE else "Failed"
            execution = Execution(state, now, code == EXIT_RETRY, reason, ledger_refused=code == EXIT_LEDGER)
            with self._lock:
                if key not in self._executions:
                    continue
                self._executions[key] = execution
            self._events.put(Ended(key, execution, WORKER, now - since, {"aggregating": now - since}))

    def _aggregate(self, order: AggregateOrder) -> tuple[int, str]:
        try:
            orders, answers = self._pipes()
        except OSError as error:
            with self._lock:
                self._broken = f"the aggregator cannot be started: {error.filename}: {error.strerror}"
            return EXIT_RETRY, self._broken
        try:
            orders.write(AggregationOrder.of(self._run, order.round, order.k, self._storage).text() + "\n")
            orders.flush()
            answer = answers.readline()
        except OSError:
            answer = ""
        if not answer.endswith("\n"):  # it may die while it answers
            return EXIT_RETRY, f"the aggregator's process died; its log is {self._log}"
        outcome = json.loads(answer)
        return int(outcome["code"]), str(outcome.get("reason", ""))

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        """The process's input and output. Raises OSError if it cannot be started."""
        if self._process is None or self._process.poll() is not None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "fedtrain_aggregator", "--serve"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout
