"""Whatever the state of disk, network and output: a command ends with words and a fix, not with a traceback."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedtrain.cli.main import main
from fedtrain.ledger.store import StoreError
from tests.support.ledger_by_hand import Hand
from tests.support.permissions import as_ordinary_user

FEDTRAIN = str(Path(sys.executable).with_name("fedtrain"))
RUN, FILE = "runs/default/quickstart", "federation.yaml"
OF_RUNS = {
    "status": ["status", RUN],
    "samples": ["status", RUN, "--samples"],
    "logs": ["logs", RUN],
    "list": ["list"],
    "compare": ["compare", RUN, RUN],
    "export": ["export", RUN, "--out", "out/adapter"],
    "report": ["report", RUN],
    "csv": ["report", RUN, "--csv"],
    "try": ["try", RUN, "a bird"],
    "verify": ["ledger", "verify", RUN],
    "exclude": ["ledger", "exclude", RUN, "zoo", "--round", "1", "--reason", "r"],
    "init-from": ["init", "next.yaml", "--from", RUN],
    "delete": ["delete", RUN, "--yes"],
}
OF_FILES = {
    "validate": ["validate", FILE],
    "plan": ["plan", FILE],
    "render": ["render", FILE],
    "doctor": ["doctor", FILE],
    "run": ["run", FILE, "--plain"],
    "baseline": ["baseline", FILE, "--plain"],
    "status": ["status", FILE],
    "export": ["export", FILE],
    "try": ["try", FILE, "a bird"],
}
OF_STORES = {name: OF_FILES[name] for name in ("doctor", "run", "status")}
OF_DATA = {
    "validate": ["validate", FILE],
    "plan": ["plan", FILE],
    "convert": ["convert", "data/bank-a.jsonl", "-o", "rows.jsonl"],
    "split": ["split", "data/bank-a.jsonl", "--participants", "2", "--out", "split"],
}
MANIFEST = Path(RUN, "rounds/0001/manifest.json")


def closed(*paths: str) -> None:
    for path in paths:
        Path(path).chmod(0)


def a_file_instead(path: str) -> None:
    shutil.rmtree(path)
    Path(path).write_text("x")


def a_folder_instead(path: str | Path) -> None:
    Path(path).unlink()
    Path(path).mkdir()


def of_a_newer_fedtrain() -> None:
    file = Path(RUN, "run.json")
    run = json.loads(file.read_text())
    run["spec"]["rounds"]["novelty"] = 1
    file.write_text(json.dumps(run))


def read_only() -> None:
    for path in (Path(RUN), *Path(RUN).rglob("*"), Path()):
        path.chmod(path.stat().st_mode & 0o555)


def in_a_bucket(endpoint: str) -> None:
    text = Path(FILE).read_text()
    s3 = f's3: {{bucket: rows, prefix: p, endpoint: "{endpoint}", region: r}}'
    text = text.replace("    type: File      ", "    type: S3        ").replace("file: {path: ./runs}", s3)
    assert s3 in text
    Path(FILE).write_text(text)


def from_the_hub() -> None:
    text = Path(FILE).read_text().replace("base: ./base", f"base: org/model\n    revision: {'a' * 40}")
    Path(FILE).write_text(text)


STATES: dict[str, tuple[dict[str, list[str]], Callable[[], object]]] = {
    "runs is a file": (OF_RUNS, lambda: a_file_instead("runs")),
    "runs cannot be read": (OF_RUNS, lambda: closed("runs")),
    "run is read-only": (OF_RUNS, read_only),
    "run.json is cut off": (OF_RUNS, lambda: Path(RUN, "run.json").write_text('{"a')),
    "run.json is of a newer fedtrain": (OF_RUNS, of_a_newer_fedtrain),
    "run.json is a folder": (OF_RUNS, lambda: a_folder_instead(Path(RUN, "run.json"))),
    "a record is empty": (OF_RUNS, lambda: MANIFEST.write_text("")),
    "a record cannot be read": (OF_RUNS, lambda: closed(str(MANIFEST))),
    "a record is missing": (OF_RUNS, MANIFEST.unlink),
    "blobs are missing": (OF_RUNS, lambda: shutil.rmtree(Path(RUN, "blobs"))),
    "no file": (OF_FILES, lambda: Path(FILE).unlink()),
    "a folder for a file": (OF_FILES, lambda: a_folder_instead(FILE)),
    "a file that cannot be read": (OF_FILES, lambda: closed(FILE)),
    "binary file": (OF_FILES, lambda: Path(FILE).write_bytes(bytes(range(256)))),
    "broken YAML": (OF_FILES, lambda: Path(FILE).write_text("a: [1, 2\nb: }")),
    "empty file": (OF_FILES, lambda: Path(FILE).write_text("")),
    "store that refuses": (OF_STORES, lambda: in_a_bucket("http://127.0.0.1:9")),
    "store without address": (
        {"status": OF_FILES["status"]},
        lambda: in_a_bucket("http://no-such-host.invalid:9000"),
    ),
    "base model of the hub, offline": ({"run": OF_FILES["run"]}, from_the_hub),
    "no base": (OF_FILES, lambda: shutil.rmtree("base")),
    "base cannot be read": (OF_FILES, lambda: closed("base")),
    "no data": (OF_DATA, lambda: Path("data/bank-a.jsonl").unlink()),
    "data cannot be read": (OF_DATA, lambda: closed("data/bank-a.jsonl")),
    "folder of data cannot be read": (OF_DATA, lambda: closed("data")),
    "binary data": (OF_DATA, lambda: Path("data/bank-a.jsonl").write_bytes(bytes(range(256)) * 9)),
    "empty data": (OF_DATA, lambda: Path("data/bank-a.jsonl").write_text("")),
}


@pytest.fixture
def world(finished: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a federation file, its data and its base model, and a finished run. Nothing trains, and no store
    is waited for."""
    folder = runs.parent
    monkeypatch.chdir(folder)
    CliRunner().invoke(main, ["init", FILE], catch_exceptions=False)
    text = Path(FILE).read_text()
    text = "".join(line for line in text.splitlines(True) if "revision: 93" not in line)
    Path(FILE).write_text(text.replace("base: HuggingFaceTB/SmolLM2-135M", "base: ./base"))
    Path("base").mkdir()
    Path("base/config.json").write_text('{"model_type": "llama"}')
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("fedtrain.results.answering.load_base", _cannot_be_loaded)
    monkeypatch.setattr("fedtrain.runner.run.WorkerPool", None)  # a state that is found only by training is not here
    return folder


def _cannot_be_loaded(*_: object, **__: object) -> None:
    """Importing torch would take most of the time of these tests."""
    raise StoreError("The base model cannot be loaded. Use --base.")


def judged(name: str, result: Result) -> None:
    """An error has a fix: a second sentence, a hint or a command."""
    unexpected = result.exception if not isinstance(result.exception, SystemExit) else None
    assert unexpected is None, (name, result.output, unexpected)
    assert "[Errno" not in result.output
    if result.exit_code == 0:
        return
    said = result.stderr or result.stdout
    assert said.strip(), result
    fixed = ("hint: ", "→", "Restore", "Correct", "Use ", "Name ", "Run ", "Check ", "Save ", "Set ", "Give ", "Close ")
    more = (
        "Move ",
        "move it away",
        "Change its owner",
        "Ask its owner",
        "Start ",
        "Write ",
        "restore",
        "Did you mean",
        "the ledger was changed",
    )
    assert any(word in said for word in (*fixed, *more)), (name, said)


@pytest.mark.parametrize("state", STATES)
def test_commands_say_what_is_wrong_and_how_to_fix_it(world: Path, state: str) -> None:
    commands, change = STATES[state]
    change()
    try:
        with as_ordinary_user():
            results = {name: CliRunner().invoke(main, arguments) for name, arguments in commands.items()}
    finally:
        for path in (Path("runs"), Path("data"), Path("base"), world):
            if path.exists():
                path.chmod(0o755)
    for name, result in results.items():
        judged(name, result)


@pytest.mark.parametrize("arguments", [["--help"], ["status", RUN], ["logs", RUN], ["completion", "bash"]])
def test_a_closed_pipe_or_a_full_disk_gives_no_traceback(world: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([FEDTRAIN, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the disk is full\nhint: Free space on the disk, then run the same command again.\n"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([FEDTRAIN, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("arguments", [["--help"], ["status", RUN], ["list"], ["compare", RUN, RUN], ["plan", FILE]])
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_command_without_standard_output_or_error_does_its_work(
    world: Path, arguments: list[str], closed: str
) -> None:
    line = f"exec {shlex.join([FEDTRAIN, *arguments])} {closed}"
    usual = subprocess.run([FEDTRAIN, *arguments], capture_output=True, check=False).returncode
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == usual, done
    assert "Traceback" not in done.stderr


def test_logs_of_a_participant_ignore_the_damage_of_runs_that_were_not_named(world: Path) -> None:
    other = Path("runs/default/another")
    other.mkdir()
    (other / "run.json").write_text("{")
    done = CliRunner().invoke(main, ["logs", "zoo"])
    assert done.exit_code == 1
    assert "Name the run first: `fedtrain logs runs/default/quickstart zoo`." in done.stderr
