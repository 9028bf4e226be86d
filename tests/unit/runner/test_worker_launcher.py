"""Start, kill and read the log of a worker process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fedtrain.runner.worker_launcher import Launched, Launcher

CHILDREN = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("key", os.environ["FEDTRAIN_WORKER_KEY"], "session", os.getsid(0) == os.getpid(), "child", child.pid, flush=True)
child.wait()
"""


def stub(folder: Path, source: str) -> dict[str, str]:
    """An environment in which `python -m fedtrain_trainer.worker` runs `source`."""
    package = folder / "fedtrain_trainer"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "worker.py").write_text(source)
    return {"PYTHONPATH": str(folder)}


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def launched(tmp_path: Path, source: str) -> Launched:
    launcher = Launcher(tmp_path / "logs", stub(tmp_path, source))
    return launcher({"FEDTRAIN_WORKER_KEY": "secret", "FEDTRAIN_WORKER_INDEX": "3"})


def exists(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected yet does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_worker_runs_in_its_own_session_and_kill_ends_its_children_too(tmp_path: Path) -> None:
    process = launched(tmp_path, CHILDREN)
    eventually(lambda: "child" in process.log_tail())
    key, _, session, _, child = process.log_tail().split()[1:]
    assert (key, session) == ("secret", "True")
    assert process.alive()
    process.kill()
    assert not process.alive()
    eventually(lambda: not exists(int(child)))


def test_a_process_that_dies_leaves_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker-3.log").write_text("from an earlier process\n")
    process = launched(tmp_path, "import sys\nfor line in range(20): print('line', line)\nsys.exit('no memory')")
    eventually(lambda: not process.alive())
    lines = process.log_tail().splitlines()
    assert sorted(lines[-15:]) == sorted([*(f"line {line}" for line in range(6, 20)), "no memory"])
    assert (tmp_path / "logs" / "worker-3.log").read_text().startswith("from an earlier process\n")


def test_a_process_without_output_names_its_log(tmp_path: Path) -> None:
    process = launched(tmp_path, "")
    eventually(lambda: not process.alive())
    assert process.log_tail() == f"exit code 0, without output in {tmp_path / 'logs' / 'worker-3.log'}"
    (tmp_path / "logs" / "worker-3.log").unlink()
    assert "is gone: something deleted the run's folder; exit code 0" in process.log_tail()


def test_the_runner_needs_no_torchx() -> None:
    source = "import sys; sys.modules['torchx'] = None; from fedtrain.runner.worker_launcher import Launcher\n"
    source += "from pathlib import Path; Launcher(Path('logs'), {}); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_trainer_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from fedtrain.runner.errors import RunError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"install `fedtrain\[local\]`"):
        Launcher(tmp_path, os.environ)
