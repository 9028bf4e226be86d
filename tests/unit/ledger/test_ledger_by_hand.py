"""The script of docs/ledger.md says what it promises: nothing on a sound ledger, the object's name on another."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from history import write_history

from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger

DOCUMENT = Path(__file__).parents[3] / "docs" / "ledger.md"
B3SUM = f"""#!{sys.executable} -S
import sys
sys.path[:0] = {[path for path in sys.path if "site-packages" in path]!r}
from blake3 import blake3
print(blake3(open(sys.argv[2], "rb").read()).hexdigest())
"""


def blob(run: Path) -> str:
    return names.blob(Manifest.model_validate_json((run / names.manifest(1)).read_bytes()).adapter)


def update_file(run: Path, who: str, attempt: int) -> str:
    record = Update.model_validate_json((run / names.update(1, who, attempt)).read_bytes())
    return f"{names.update_folder(1, who, attempt)}/{record.file}"


CASES: list[Callable[[Path], str]] = [
    lambda _: names.RUN,
    lambda _: names.manifest(1),
    lambda _: names.manifest(3),
    lambda _: names.plan(2),
    lambda _: names.close(1, 2),
    lambda _: names.aggregate(1, 2),
    lambda _: names.evaluation(0, 0),
    lambda run: update_file(run, "museum", 1),
    blob,
]


def test_the_documented_script_names_what_was_changed(tmp_path: Path):
    write_history(Ledger(FileStore(tmp_path / "runs"), "default", "demo"))
    run = tmp_path / "runs" / "default" / "demo"
    (tmp_path / "b3sum").write_text(B3SUM)
    (tmp_path / "b3sum").chmod(0o755)
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def said() -> str:
        done = subprocess.run(
            ["bash", "-c", "\n".join(blocks)], cwd=run, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout

    assert said() == ""
    before = {name: (run / name).read_bytes() for name in (case(run) for case in CASES)}
    for name, content in before.items():
        (run / name).write_bytes(content.replace(b"1", b"2", 1) if b"1" in content else content[:-1])
    lines = said()
    for name in before:
        assert name in lines
