"""Workers as processes of their own, spoken to as the local runner does. They are forked, so that none of them imports
torch again."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import pytest
from fedtrain_trainer import component
from tiny_federation import Federation

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_REFUSED, EXIT_RETRY
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.untrusted_records import Update
from tests.support.zygote import launch

KEY = bytes(range(32))


class Worker:
    def __init__(self, zygote: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        address = str(Path(self._folder.name) / "socket")
        self._exit, self._pid = (Path(self._folder.name) / name for name in ("exit", "pid"))
        listener = Listener(address, "AF_UNIX", authkey=KEY)
        environment = {
            "FEDTRAIN_WORKER_ADDRESS": address,
            "FEDTRAIN_WORKER_KEY": KEY.hex(),
            "FEDTRAIN_WORKER_INDEX": "3",
            "FEDTRAIN_TEST_ARGV": json.dumps(["tests.support.forked_worker", str(self._pid)]),
            "FEDTRAIN_TEST_EXIT": str(self._exit),
        }
        self._forked = launch(zygote, environment)
        self.wire: Connection[Any, Any] = listener.accept()

    def hear(self) -> dict[str, Any]:
        assert self.wire.poll(60), "the worker says nothing"
        return json.loads(self.wire.recv_bytes())

    def run(self, assignment: Assignment) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The result, and the progress before it."""
        self.order(assignment)
        heard: list[dict[str, Any]] = []
        while (message := self.hear())["type"] == "progress":
            heard.append(message)
        return message, heard

    def order(self, assignment: Assignment) -> None:
        message = {"type": "run", "assignment": assignment.model_dump(mode="json", by_alias=True)}
        self.wire.send_bytes(json.dumps(message).encode())

    def terminate(self) -> None:
        os.kill(int(self._pid.read_text()), signal.SIGTERM)

    def exit_code(self) -> int:
        ends = time.monotonic() + 300
        while not self._exit.exists():
            assert time.monotonic() < ends, "the worker does not exit"
            time.sleep(0.02)
        return int(self._exit.read_text())

    def end(self) -> None:
        self._forked.kill()
        while self._forked.alive():
            time.sleep(0.02)
        self._folder.cleanup()


@pytest.fixture
def worker(zygote: str) -> Iterator[Worker]:
    started = Worker(zygote)
    yield started
    started.end()


def endless(federation: Federation) -> Assignment:
    federation.training["length"] = {"type": "Steps", "steps": 1_000_000}
    return federation.assignment(federation.train_work(), round=1, attempt=5)


def test_a_warm_worker_gives_the_bytes_of_a_fresh_process_and_says_when_it_is_terminated(
    worker: Worker, federation: Federation
) -> None:
    alone = federation.trained(attempt=1)
    work = federation.train_work()
    hello = worker.hear()
    assert hello == {"type": "hello", "index": 3}
    other = federation.train_work(seed=99, start=8, trainOnlyB=True, proximalMu=0.1)
    result, heard = worker.run(federation.assignment(other, round=1, attempt=2))
    assert (result["code"], result["reason"]) == (EXIT_DONE, "")
    assert {message["phase"] for message in heard} >= {"training", "uploading"}
    steps = [message for message in heard if message["phase"] == "training"]
    assert (steps[-1]["step"], steps[-1]["steps"]) == (4, 4)
    assert worker.run(federation.assignment(work, round=1, attempt=3))[0]["code"] == EXIT_DONE
    after = federation.record(names.update(1, "a", 3), Update)
    assert federation.record(names.update(1, "a", 2), Update).digest != alone.digest
    assert after.digest == alone.digest
    refused, _ = worker.run(federation.assignment({**work, "population": 7}, round=1, attempt=4))
    assert refused["code"] == EXIT_REFUSED
    assert "the data changed since the run began" in refused["reason"]
    worker.order(endless(federation))
    while worker.hear()["phase"] != "training":
        pass
    worker.terminate()
    while (message := worker.hear())["type"] == "progress":
        pass
    assert (message["code"], message["reason"]) == (EXIT_RETRY, "interrupted: SIGTERM")
    assert worker.exit_code() == EXIT_RETRY


def test_what_a_killed_worker_leaves_is_beside_its_socket_where_the_runner_removes_it(
    zygote: str, federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    worker = Worker(zygote)
    try:
        worker.hear()
        worker.order(endless(federation))
        while worker.hear()["phase"] != "training":
            pass
    finally:
        worker.end()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("fedtrain")] == []


def test_a_worker_exits_when_its_runner_is_gone_in_mid_training(worker: Worker, federation: Federation) -> None:
    worker.hear()
    worker.order(endless(federation))
    while worker.hear()["phase"] != "training":
        pass
    worker.wire.close()
    assert worker.exit_code() == EXIT_RETRY


def test_a_worker_stops_on_request(worker: Worker) -> None:
    worker.wire.send_bytes(b'{"type": "stop"}')
    assert worker.exit_code() == EXIT_DONE


def test_the_torchx_component_starts_the_trainer_under_torchrun() -> None:
    from torchx.specs.file_linter import validate

    app = component.task("task.json", processes=2)
    assert app.roles[0].args[-4:] == ["-m", "fedtrain_trainer", "--assignment", "task.json"]
    assert validate(component.__file__, "task") == []


def test_a_worker_whose_runner_has_ended_leaves_the_systems_temporary_folder_alone(tmp_path: Path) -> None:
    other = tmp_path / "of-another-program"
    other.write_text("")
    code = "import tempfile; tempfile.gettempdir(); from fedtrain_trainer import worker; worker.main()"
    environment = {
        "FEDTRAIN_WORKER_ADDRESS": str(tmp_path / "socket"),
        "FEDTRAIN_WORKER_KEY": KEY.hex(),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, stderr=subprocess.PIPE)
    assert done.returncode == EXIT_RETRY
    assert done.stderr == b""
    assert other.exists()
