"""The command of docs/participants.md that deletes updates of cancelled and failed tasks from the spool."""

import os
import re
import subprocess
import time
import uuid
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "participants.md"
DAY = 24 * 3600


def test_the_command_deletes_old_folders_of_tasks_and_nothing_else(tmp_path: Path) -> None:
    (command,) = re.findall(r"^    (find /spool .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    old, empty, new = (str(uuid.uuid4()) for _ in range(3))
    for name in (old, empty, new, "lost+found"):
        (tmp_path / name).mkdir()
    for name in (old, new):
        (tmp_path / name / "update.safetensors").write_bytes(b"weights")
    for name in (old, empty, "lost+found"):
        at = time.time() - 30 * DAY
        os.utime(tmp_path / name, (at, at))
    subprocess.run(command.replace("/spool", str(tmp_path)), shell=True, check=True)
    assert {path.name for path in tmp_path.iterdir()} == {new, "lost+found"}
    assert (tmp_path / new / "update.safetensors").is_file()
