"""Pods that train nothing do not wait for torch, and do not need its memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_federation import Federation, classified

from fedtrain.contracts.exit_codes import EXIT_DONE

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it is an error
from fedtrain_trainer.__main__ import main
sys.exit(main(["--assignment", sys.argv[1]]))
"""


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return Federation(tmp_path, tmp_path / "no-base", classified(50))


def test_rows_are_inspected(federation: Federation, tmp_path: Path) -> None:
    assignment = tmp_path / "assignment.json"
    assignment.write_text(federation.assignment({"type": "Inspect"}).model_dump_json(by_alias=True))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(assignment)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == EXIT_DONE, done.stderr
    assert federation.inspected().samples == 40
