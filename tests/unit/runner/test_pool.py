"""What the pool of workers does with the connections to them."""

import json
import queue
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Client, Connection
from typing import Any

import pytest

from fedtrain.contracts.tasks import Assignment
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.errors import RunError
from fedtrain.runner.worker_pool import Ended, Job, WorkerPool


class Worker:
    """Its process is a connection of this test: when it is killed, that ends, as the kernel would see to."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.connection: Connection[Any, Any] | None = None

    def say_hello(self) -> "Connection[Any, Any]":
        key = bytes.fromhex(self._environment["FEDTRAIN_WORKER_KEY"])
        self.connection = connection = Client(self._environment["FEDTRAIN_WORKER_ADDRESS"], authkey=key)
        hello = {"type": "hello", "index": int(self._environment["FEDTRAIN_WORKER_INDEX"])}
        connection.send_bytes(json.dumps(hello).encode())
        return connection

    def kill(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def alive(self) -> bool:
        return True

    def log_tail(self) -> str:
        return ""


def test_a_connection_is_closed_by_the_thread_that_reads_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed by another one in the middle of a read, it is read from as no file at all, or as someone else's."""
    workers: list[Worker] = []
    readers: dict[int, int] = {}
    closers: dict[int, int] = {}
    receive, close = Connection.recv_bytes, Connection.close

    def noted_receive(self: "Connection[Any, Any]", maxlength: int | None = None) -> bytes:
        readers[id(self)] = threading.get_ident()
        return receive(self, maxlength)

    def noted_close(self: "Connection[Any, Any]") -> None:
        closers.setdefault(id(self), threading.get_ident())
        close(self)

    def launch(environment: Mapping[str, str]) -> Worker:
        workers.append(Worker(environment))
        return workers[-1]

    pool = WorkerPool(launch, 1)
    connection = workers[0].say_hello()
    monkeypatch.setattr(Connection, "recv_bytes", noted_receive)
    monkeypatch.setattr(Connection, "close", noted_close)
    job = Job("run", TaskKey(1, "Train", "bank-a", 1), queue.Queue())
    pool.submit(job, Assignment.model_construct())
    assert json.loads(connection.recv_bytes())["type"] == "run"
    readers.clear()
    connection.send_bytes(json.dumps({"type": "progress", "phase": "loading"}).encode())
    job.events.get(timeout=300)  # the pool's thread reads again
    pool.cancel(job)
    until = time.monotonic() + 300
    while not (closed := readers.keys() & closers.keys()):
        assert time.monotonic() < until, "the connection is never closed"
        time.sleep(0.01)
    assert {readers[one] for one in closed} == {closers[one] for one in closed}
    pool.close()


def test_a_worker_that_cannot_be_replaced_ends_the_run_with_the_reason() -> None:
    workers: list[Worker] = []

    def launch(environment: Mapping[str, str]) -> Worker:
        if workers:
            raise RunError("a trainer process cannot be started: /runs/worker-0.log: No space left on device")
        workers.append(Worker(environment))
        return workers[-1]

    pool = WorkerPool(launch, 1)
    connection = workers[0].say_hello()
    job = Job("run", TaskKey(1, "Train", "bank-a", 1), queue.Queue())
    pool.submit(job, Assignment.model_construct())
    connection.recv_bytes()
    workers[0].connection = None  # closed here, and not again when the pool kills the worker
    connection.close()
    assert isinstance(job.events.get(timeout=300), Ended)
    with pytest.raises(RunError, match="No space left on device"):
        pool.executions("run")
    pool.close()
