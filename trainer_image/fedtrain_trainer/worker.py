"""`python -m fedtrain_trainer.worker`: a warm worker that runs one task after another for a runner on this machine.

It connects to the Unix socket $FEDTRAIN_WORKER_ADDRESS with the key $FEDTRAIN_WORKER_KEY (hex) and speaks JSON:

    -> {"type": "hello", "index": 0}      once everything heavy is imported
    <- {"type": "run", "assignment": {...}}  or  {"type": "stop"}
    -> {"type": "progress", "phase": "training", "step": 5, "steps": 25, "loss": 2.3}
    -> {"type": "result", "code": 0, "reason": "", "seconds": {...}}

When the connection ends, for the runner was killed, the process exits at once, in mid-training too.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_RETRY
from fedtrain.contracts.wire.task import TaskRefused, read_assignment
from fedtrain_trainer.__main__ import interrupt, log_to_stderr
from fedtrain_trainer.import_torch import import_torch
from fedtrain_trainer.outcome import Interrupted, Outcome, Refused
from fedtrain_trainer.progress_log import ProgressLog

Wire: TypeAlias = "Connection[Any, Any]"

PROGRESS_SECONDS = 0.25

_temporary: list[str] = []
"""The folder that this worker has created for its temporary files, and removes when it exits. Before it exists,
`tempfile.tempdir` may be the system's, which must stay."""


class Reporter:
    """Progress to the runner, at most one message in `PROGRESS_SECONDS`, first and last steps always; and to the
    worker's log."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._log = ProgressLog()
        self._sent = 0.0
        self._phase = ""

    def __call__(self, phase: str, step: int, steps: int, loss: float | None = None) -> None:
        self._log(phase, step, steps, loss)
        now = time.monotonic()
        if phase == self._phase and step < steps and now - self._sent < PROGRESS_SECONDS:
            return
        self._sent, self._phase = now, phase
        send(self._wire, {"type": "progress", "phase": phase, "step": step, "steps": steps, "loss": loss})


def send(wire: Wire, message: dict[str, object]) -> None:
    wire.send_bytes(json.dumps(message).encode())


def listen(wire: Wire, orders: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Passes orders on to the main thread; ends the process on `stop` and when the connection ends."""
    code = EXIT_RETRY
    try:
        while True:
            message = json.loads(wire.recv_bytes())
            if message["type"] == "stop":
                code = EXIT_DONE
                break
            orders.put(message)
    except (EOFError, OSError):
        pass
    leave(code)


def leave(code: int) -> NoReturn:
    """Exit at once: the main thread may be in a kernel that takes minutes."""
    if _temporary:
        shutil.rmtree(_temporary[0], ignore_errors=True)
    with contextlib.suppress(OSError):  # the disk of the log may be full
        sys.stderr.flush()
    os._exit(code)


def run(assignment: dict[str, Any], wire: Wire, models: Any) -> Outcome:
    from fedtrain.ledger.open_task_store import open_task_store
    from fedtrain.ledger.store import StoreError
    from fedtrain_trainer.failures import judged
    from fedtrain_trainer.run import run_task

    try:
        order = read_assignment(assignment)
        store = open_task_store(order)
    except (TaskRefused, StoreError) as error:
        return Outcome(*judged(Refused(str(error)) if isinstance(error, TaskRefused) else error))
    return run_task(order, Reporter(wire), store, models=models)


def main() -> None:
    log_to_stderr()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the runner says what happens
    signal.signal(signal.SIGTERM, interrupt)
    address = os.environ["FEDTRAIN_WORKER_ADDRESS"]
    try:
        wire = Client(address, authkey=bytes.fromhex(os.environ["FEDTRAIN_WORKER_KEY"]))
    except (OSError, EOFError):  # the runner has ended meanwhile
        leave(EXIT_RETRY)
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(wire, orders), daemon=True).start()
    try:
        # The runner, which kills workers, removes the folder of its socket with all that is in it.
        _temporary.append(tempfile.mkdtemp(prefix="worker-", dir=Path(address).parent))
        tempfile.tempdir = _temporary[0]
        models = imported()
        send(wire, {"type": "hello", "index": int(os.environ["FEDTRAIN_WORKER_INDEX"])})
        while True:
            outcome = run(orders.get()["assignment"], wire, models)
            send(wire, {"type": "result", "code": outcome.code, "reason": outcome.reason, "seconds": outcome.seconds})
            if outcome.reason.startswith("interrupted"):
                break
    except (Interrupted, OSError):
        pass
    leave(EXIT_RETRY)


def imported() -> Any:
    """Imports all that a task needs, so that the first one does not wait for it."""
    import_torch()
    import fedtrain_trainer.run  # noqa: F401
    from fedtrain_trainer.lora import Models

    return Models()


if __name__ == "__main__":
    main()
