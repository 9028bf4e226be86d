"""The warm aggregator process: what the runner reports if it does not start or dies."""

import queue
import sys
from pathlib import Path

import pytest

from fedtrain.api.storage import File, Storage
from fedtrain.contracts.records import Run
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner import aggregator_process
from fedtrain.runner.aggregator_process import AggregatorProcess
from fedtrain.runner.errors import RunError
from fedtrain.runner.worker_pool import Ended, PoolEvent

KEY = TaskKey(1, "Aggregate", "_aggregate-1", 1)


def process(folder: Path, events: "queue.Queue[PoolEvent]") -> AggregatorProcess:
    run = Run(run_id="run-1", namespace="default", name="demo", spec={})
    storage = Storage(type="File", file=File(path=str(folder)))
    return AggregatorProcess(run, storage, folder / "logs" / "aggregator.log", events)


def test_a_log_that_cannot_be_written_ends_the_run_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where a folder is needed")
    events: queue.Queue[PoolEvent] = queue.Queue()
    aggregator = process(tmp_path, events)
    aggregator.submit(KEY, AggregateOrder(1, 1))
    events.get(timeout=300)
    with pytest.raises(RunError, match=rf"the aggregator cannot be started: {tmp_path}/logs: File exists"):
        aggregator.executions()
    aggregator.close()


def test_a_process_that_dies_in_the_middle_of_its_answer_may_be_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nread order\nprintf '{\"code\": 0'\n")
    dying.chmod(0o755)
    monkeypatch.setattr(aggregator_process.sys, "executable", str(dying))
    assert sys.executable == str(dying)
    events: queue.Queue[PoolEvent] = queue.Queue()
    aggregator = process(tmp_path, events)
    aggregator.submit(KEY, AggregateOrder(1, 1))
    ended = events.get(timeout=300)
    assert isinstance(ended, Ended)
    assert (ended.execution.state, ended.execution.retryable) == ("Failed", True)
    assert "died" in ended.execution.reason
    aggregator.close()
