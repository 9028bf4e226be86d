"""Several processes that train one participant's task; one test starts them with the real torchrun."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_federation import Federation, classified

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_REFUSED, EXIT_RETRY
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.untrusted_records import Update
from tests.support.zygote import launch


def written(federation: Federation, assignment: Assignment, processes: int) -> tuple[Path, Path]:
    """The assignment's file, and the one for the outcome."""
    file, outcome = federation.folder / "assignment.json", federation.folder / f"outcome-{processes}.json"
    file.write_text(assignment.model_dump_json(by_alias=True))
    return file, outcome


def forked(zygote: str, federation: Federation, assignment: Assignment, processes: int) -> dict[str, Any]:
    """The outcome that the trainer wrote. Its processes have the environment that torchrun gives them."""
    file, outcome = written(federation, assignment, processes)
    exits = [federation.folder / f"exit-{rank}" for rank in range(processes)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for rank, code in enumerate(exits):
        group = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
        environment = {name: str(number) for name, number in group.items()} if processes > 1 else {}
        arguments = ["fedtrain_trainer.__main__", "--assignment", str(file), "--outcome", str(outcome)]
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        environment |= {"FEDTRAIN_TEST_ARGV": json.dumps(arguments), "FEDTRAIN_TEST_EXIT": str(code)}
        launch(zygote, environment)
    ends = time.monotonic() + 300
    while not all(code.exists() for code in exits):
        assert time.monotonic() < ends, "the trainer does not end"
        time.sleep(0.05)
    found = json.loads(outcome.read_text())
    assert {int(code.read_text()) for code in exits} == {found["code"]}
    return found


def under_torchrun(federation: Federation, assignment: Assignment) -> tuple[int, dict[str, Any]]:
    """Its exit code, and the outcome that the trainer wrote."""
    file, outcome = written(federation, assignment, 2)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [*command, "-m", "fedtrain_trainer", "--assignment", str(file), "--outcome", str(outcome)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
        check=False,
    )
    return ended.returncode, json.loads(outcome.read_text())


def test_two_processes_give_the_update_of_one(zygote: str, federation: Federation) -> None:
    metrics = [{"name": "loss", "type": "Loss"}, {"name": "right", "type": "Choices"}]
    alone = federation.trained(attempt=1, metrics=metrics)
    work = federation.train_work(metrics=metrics)
    outcome = forked(zygote, federation, federation.assignment(work, round=1, attempt=2), processes=2)
    assert outcome["code"] == EXIT_DONE
    update, record, telemetry = outcome["sent"]
    assert update["name"].endswith(".safetensors")
    assert (record["name"], telemetry["name"]) == ("update record", "trainer.json")
    together = federation.record(names.update(1, "a", 2), Update)
    assert together.tokens == alone.tokens
    assert abs(together.train_loss - alone.train_loss) < 1e-4
    assert together.received["right"] == alone.received["right"]
    one, two = federation.weights(alone), federation.weights(together)
    assert all(torch.allclose(two[name], tensor, atol=2e-5) for name, tensor in one.items())


def test_two_processes_share_the_rows_of_a_private_step_and_add_the_noise_once(
    zygote: str, federation: Federation
) -> None:
    noise = {"probability": 0.5, "batch": 16, "steps": 2, "bound": 0.5, "multiplier": 1.0}
    work = {"samples": 32, "distinct": 32, "exampleNoise": noise, "testingSeed": 1}
    alone = federation.trained(**work)
    other = Federation(federation.sibling("two"), Path(federation.model["base"]), classified(40))
    assignment = other.assignment(other.train_work(**work), round=1)
    assert forked(zygote, other, assignment, processes=2)["code"] == EXIT_DONE
    together = other.record(names.update(1, "a", 1), Update)
    one, two = federation.weights(alone), other.weights(together)
    assert all(torch.allclose(two[name], tensor, atol=2e-5) for name, tensor in one.items())


def test_the_exit_code_of_one_process_is_its_outcome(zygote: str, federation: Federation) -> None:
    work = federation.train_work(population=7)
    outcome = forked(zygote, federation, federation.assignment(work, round=1), processes=1)
    assert outcome["code"] == EXIT_REFUSED
    assert "the data changed" in outcome["reason"]


@pytest.mark.slow
def test_under_torchrun_the_outcome_file_tells_refused_from_retry(federation: Federation) -> None:
    work = federation.train_work(adapter="blake3:" + "0" * 64)
    code, outcome = under_torchrun(federation, federation.assignment(work, round=1))
    assert code != EXIT_DONE
    assert outcome["code"] == EXIT_REFUSED


def test_a_file_that_is_not_an_assignment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"task": 1}')
    command = [sys.executable, "-m", "fedtrain_trainer", "--assignment", str(tmp_path / "a.json")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == EXIT_REFUSED
    assert "not a valid assignment" in ended.stderr


def test_processes_that_cannot_find_each_other_are_tried_again(federation: Federation) -> None:
    file, outcome = written(federation, federation.assignment(federation.train_work(), round=1), 2)
    command = [sys.executable, "-m", "fedtrain_trainer", "--assignment", str(file), "--outcome", str(outcome)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        group = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        ended = subprocess.run(command, env={**os.environ, **group}, timeout=300, check=False)
    assert ended.returncode == EXIT_RETRY
    found = json.loads(outcome.read_text())
    assert found["code"] == EXIT_RETRY
    assert found["reason"] == (
        f"the processes of the task cannot connect to each other at 127.0.0.1:{port} (DistNetworkError). Check that "
        "the address can be reached and that the port is free"
    )


def test_processes_that_fail_at_the_same_moment_leave_one_outcome(tmp_path: Path) -> None:
    outcome, assignment = tmp_path / "outcome.json", tmp_path / "a.json"
    assignment.write_text('{"task": 1}')
    command = [sys.executable, "-m", "fedtrain_trainer", "--assignment", assignment, "--outcome", outcome]
    with outcome.open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)  # another process is just writing
        second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert "not a valid assignment" in second.stderr.readline()
        time.sleep(1)
        assert outcome.read_text() == ""
        first.write('{"code": 75}')
    second.communicate()
    assert json.loads(outcome.read_text()) == {"code": EXIT_RETRY}
