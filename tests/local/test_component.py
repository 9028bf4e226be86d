"""The trainer's TorchX component, as `torchx run` runs it."""

import subprocess
import sys
from pathlib import Path

from federation import HERE, Small

from fedtrain.api.reading import read_file
from fedtrain.contracts import names
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.rounds.orders import inspect_task
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.bindings import bind
from fedtrain.runner.run import admit

COMPONENT = HERE.parents[1] / "trainer_image" / "fedtrain_trainer" / "component.py"


def test_torchx_run_does_a_task(tmp_path: Path) -> None:
    small = Small(tmp_path / "run")
    federation = read_file(small.file)
    ledger, run = admit(federation)
    task = inspect_task(federation.training.spec, run, TaskKey(0, "Inspect", "zoo", 1))
    file = tmp_path / "assignment.json"
    file.write_text(Assignment(task=task, binding=bind(federation, task)).model_dump_json(by_alias=True))
    torchx = Path(sys.executable).with_name("torchx")
    command = [torchx, "run", "--wait", "-s", "local_cwd", f"{COMPONENT}:task", "--assignment", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    preflight = ledger.read(names.preflight("zoo"), Preflight)
    assert preflight is not None
    assert preflight.samples + preflight.validation_samples == 24
