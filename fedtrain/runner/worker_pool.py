"""A pool of warm trainer processes: torch is imported once a worker, not once a task.

Workers connect back over a Unix socket and loop over assignments (JSON, never pickle). A connection that ends is a
worker that died: its task has failed (retryable) and a new worker takes its place. Cancelling kills the worker that
has the task. When this process dies, however it dies, the workers see their connection end and exit.
"""

import contextlib
import json
import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any, Protocol

from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_RETRY
from fedtrain.contracts.tasks import Assignment
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain.runner.errors import RunError
from fedtrain.runner.socket_folder import socket_folder

STARTS_WITHOUT_HELLO = 3
"""A worker that dies this often before it says hello will not start at all."""


@dataclass(frozen=True)
class Progress:
    """What a worker reports while it works: the phase, the step and the number of steps (0 of 0 when a phase begins),
    the mean loss of the steps so far."""

    key: TaskKey
    phase: str
    step: int | None
    steps: int | None
    loss: float | None


@dataclass(frozen=True)
class Ended:
    """A task has ended, well or not. `seconds`: by phase, as the trainer measured them; `wall`: here. `starting`: the
    seconds that its worker took to start, when this was its first task."""

    key: TaskKey
    execution: Execution
    worker: int
    wall: float
    seconds: Mapping[str, float]
    starting: float = 0.0


PoolEvent = Progress | Ended


class Process(Protocol):
    """A started worker process."""

    def kill(self) -> None: ...
    def alive(self) -> bool: ...
    def log_tail(self) -> str: ...


Launch = Callable[[Mapping[str, str]], Process]
Events = queue.Queue[PoolEvent]


@dataclass(frozen=True)
class Job:
    """One task of one run; `events` is where its coordinator listens."""

    run_id: str
    key: TaskKey
    events: Events = field(compare=False)


@dataclass
class _Worker:
    index: int
    process: Process
    launched: float
    starting: float = 0.0
    connection: "Connection[Any, Any] | None" = None
    busy: Job | None = None
    since: float = 0.0


class WorkerPool:
    """`count` workers, which several runs may share. `clock` is the coordinators'. Safe to use from several threads."""

    def __init__(self, launch: Launch, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = count
        self._launch = launch
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Job, Assignment]] = deque()
        self._executions: dict[Job, Execution] = {}
        self._workers: dict[int, _Worker] = {}
        self._silent_starts = 0
        self._broken: str = ""
        self._closed = False
        self._folder = socket_folder()
        self._key = secrets.token_bytes(32)
        self._address = str(Path(self._folder.name) / "workers")
        self._listener = Listener(self._address, "AF_UNIX", backlog=64, authkey=self._key)
        threading.Thread(target=self._accept, daemon=True).start()
        with self._lock:
            for index in range(count):
                self._start(index)

    @property
    def starting(self) -> int:
        """How many workers have not said hello yet."""
        with self._lock:
            return sum(worker.connection is None for worker in self._workers.values())

    def executions(self, run_id: str) -> dict[TaskKey, Execution]:
        """The state of every task that this run has submitted. Raises RunError when no worker can be started."""
        with self._lock:
            self._check_starting()
            if self._broken:
                raise RunError(self._broken)
            return {job.key: execution for job, execution in self._executions.items() if job.run_id == run_id}

    def submit(self, job: Job, assignment: Assignment) -> None:
        """Runs the assignment when a worker is free. One that waits or runs already is left alone."""
        with self._lock:
            known = self._executions.get(job)
            if known is not None and known.state == "Running":
                return
            self._executions[job] = Execution("Running")
            self._waiting.append((job, assignment))
            self._dispatch()

    def cancel(self, job: Job) -> None:
        """Stops a task at once; it is as if it had never been submitted."""
        with self._lock:
            self._executions.pop(job, None)
            self._waiting = deque(item for item in self._waiting if item[0] != job)
            for worker in self._workers.values():
                if worker.busy == job:
                    worker.busy = None
                    self._replace(worker)

    def cancel_all(self, run_id: str) -> None:
        """Stops every task of a run."""
        with self._lock:
            running = [
                job for job, known in self._executions.items() if job.run_id == run_id and known.state == "Running"
            ]
        for job in running:
            self.cancel(job)

    def close(self) -> None:
        """Ends all workers at once."""
        with self._lock:
            self._closed = True
            for worker in self._workers.values():
                worker.process.kill()
        self._listener.close()
        self._folder.cleanup()

    def _start(self, index: int) -> None:
        environment = {
            "FEDTRAIN_WORKER_ADDRESS": self._address,
            "FEDTRAIN_WORKER_KEY": self._key.hex(),
            "FEDTRAIN_WORKER_INDEX": str(index),
        }
        launched = self._clock()
        try:
            self._workers[index] = _Worker(index, self._launch(environment), launched)
        except RunError as error:  # of a thread too, where it would be lost
            self._broken = str(error)

    def _replace(self, worker: _Worker) -> None:
        """Its connection ends with it, and is closed by the thread that reads from it."""
        worker.process.kill()
        if not self._closed:
            self._start(worker.index)

    def _check_starting(self) -> None:
        """Workers that died before they said hello have no connection whose end could tell."""
        for worker in list(self._workers.values()):
            if worker.connection is None and not worker.process.alive():
                self._silent_starts += 1
                if self._silent_starts >= STARTS_WITHOUT_HELLO:
                    self._broken = f"the trainer processes do not start:\n{worker.process.log_tail()}"
                    return
                self._start(worker.index)

    def _dispatch(self) -> None:
        for worker in self._workers.values():
            if not self._waiting:
                return
            if worker.connection is None or worker.busy is not None:
                continue
            job, assignment = self._waiting.popleft()
            worker.busy, worker.since = job, self._clock()
            message = {"type": "run", "assignment": assignment.model_dump(mode="json", by_alias=True)}
            try:
                worker.connection.send_bytes(json.dumps(message).encode())
            except OSError:
                continue  # the reader thread sees the end of this connection and reports it

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except Exception:  # a stranger's or a dying worker's handshake; the listener itself closed
                if self._closed:
                    return
                continue
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: "Connection[Any, Any]") -> None:
        worker: _Worker | None = None
        with contextlib.suppress(EOFError, OSError), connection:
            while True:
                message = json.loads(connection.recv_bytes())
                if message["type"] == "hello":
                    worker = self._greet(connection, int(message["index"]))
                elif worker is not None:
                    self._hear(worker, message)
        if worker is not None:
            self._lost(worker)

    def _greet(self, connection: "Connection[Any, Any]", index: int) -> _Worker:
        with self._lock:
            worker = self._workers[index]
            worker.connection = connection
            worker.starting = self._clock() - worker.launched
            self._silent_starts = 0
            self._dispatch()
            return worker

    def _hear(self, worker: _Worker, message: dict[str, Any]) -> None:
        with self._lock:
            job = worker.busy
            if job is None:
                return
            if message["type"] == "progress":
                steps = message.get("step"), message.get("steps")
                job.events.put(Progress(job.key, message["phase"], *steps, message.get("loss")))
                return
            code, reason = int(message["code"]), str(message.get("reason", ""))
            self._end(worker, job, code, reason, message.get("seconds", {}))
            self._dispatch()

    def _lost(self, worker: _Worker) -> None:
        with self._lock:
            if self._closed or self._workers.get(worker.index) is not worker:
                return
            if worker.busy is not None:
                self._end(worker, worker.busy, EXIT_RETRY, "its process died", {})
            self._replace(worker)

    def _end(self, worker: _Worker, job: Job, code: int, reason: str, seconds: Mapping[str, float]) -> None:
        now = self._clock()
        state = "Done" if code == EXIT_DONE else "Failed"
        execution = Execution(state, now, code == EXIT_RETRY, reason, ledger_refused=code == EXIT_LEDGER)
        self._executions[job] = execution
        starting, worker.starting = worker.starting, 0.0
        worker.busy = None
        job.events.put(Ended(job.key, execution, worker.index, now - worker.since, seconds, starting))
