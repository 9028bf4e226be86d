import errno
import importlib
import io
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fedtrain import __version__
from fedtrain.api.reading.errors import FieldError, Invalid
from fedtrain.cli import main as module
from fedtrain.cli.commands import COMMANDS, Entry
from fedtrain.cli.errors import UserError, explain
from fedtrain.cli.main import main
from fedtrain.ledger.store import StoreError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """A command `fail` that raises what the test gives it."""

    def install(error: BaseException) -> None:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setattr(module, "failing_command", command, raising=False)
        monkeypatch.setitem(COMMANDS, "fail", Entry("fedtrain.cli.main:failing_command", "Fails."))

    return install


def test_help_lists_all_commands_and_imports_none_of_them():
    code = (
        "import sys\nfrom fedtrain.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted(m for m in sys.modules if m.startswith('fedtrain')"
        " or m in ('pydantic', 'rich', 'boto3', 'numpy', 'torch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *text, modules = done.stdout.splitlines()
    assert all(any(line.split()[:1] == [name] for line in text) for name in COMMANDS)
    imported = ["fedtrain", "fedtrain.cli", "fedtrain.cli.commands", "fedtrain.cli.errors", "fedtrain.cli.main"]
    assert modules == str(imported)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_exists_and_has_help(name: str):
    target, _, attribute = COMMANDS[name].target.partition(":")
    command = getattr(importlib.import_module(target), attribute)
    assert isinstance(command, click.Command)
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name}")


def test_text_that_the_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "said", click.Command("said", callback=lambda: print("– \udcff")), raising=False)
    monkeypatch.setitem(COMMANDS, "said", Entry("fedtrain.cli.main:said", "Prints."))
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    main(["said"], standalone_mode=False)
    assert terminal.buffer.getvalue() == b"\\u2013 \\udcff\n"


def test_version():
    assert CliRunner().invoke(main, ["--version"]).stdout == f"fedtrain, version {__version__}\n"


def test_an_unknown_command_names_the_nearest_and_exits_with_2():
    result = CliRunner().invoke(main, ["valdate"])
    assert result.exit_code == 2
    assert "'valdate' is not a command. Did you mean `validate`?" in result.stderr


def test_a_user_error_has_a_hint_and_exit_code_1(failing):
    failing(UserError("no run there", "Run it first."))
    result = CliRunner().invoke(main, ["fail"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: no run there\nhint: Run it first.\n"


def test_an_error_of_the_store_is_one_line(failing):
    failing(StoreError("s3://runs: there is no such bucket; create it"))
    result = CliRunner().invoke(main, ["fail"])
    assert (result.exit_code, result.stderr) == (1, "error: s3://runs: there is no such bucket; create it\n")


@pytest.mark.parametrize(
    ("number", "words", "fix"),
    [
        (errno.EROFS, "the file system is read-only", "Mount it writable, or choose a path on another disk."),
        (errno.ENOTDIR, "a part of the path is a file, not a folder", "Correct the path."),
    ],
)
def test_a_system_error_names_the_file_the_problem_and_the_fix(number: int, words: str, fix: str, failing):
    failing(OSError(number, os.strerror(number), "/etc/federation.yaml"))
    assert CliRunner().invoke(main, ["fail"]).stderr == f"error: /etc/federation.yaml: {words}\nhint: {fix}\n"


@pytest.mark.parametrize(
    ("name", "problem", "fix"),
    [
        (
            "sub/x.jsonl",
            "you may not write in the folder {folder}",
            "Choose another path, or run `chmod u+rwx {folder}`.",
        ),
        ("there.jsonl", "you may not read or write it", "Run `chmod u+rw {folder}/there.jsonl`."),
    ],
)
def test_a_denied_path_names_what_lacks_the_permission(name: str, problem: str, fix: str, failing, tmp_path: Path):
    (tmp_path / "there.jsonl").touch()
    failing(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / name)))
    said = CliRunner().invoke(main, ["fail"]).stderr
    assert said.startswith(f"error: {tmp_path / name}: {problem}\nhint: {fix}".format(folder=tmp_path)), said


def test_init_names_a_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(main, ["init", str(tmp_path / "file/new")])
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        [
            f"error: {tmp_path}/file/new: a part of the path is a file, not a folder",
            "hint: Correct the path.",
        ],
    )


def test_an_interrupted_command_says_that_it_stopped(failing):
    failing(KeyboardInterrupt())
    result = CliRunner().invoke(main, ["fail"])
    assert (result.exit_code, result.stderr) == (130, "\nstopped.\n")


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk quota is used up")]
)
def test_a_full_disk_has_one_line_and_the_next_step(number: int, words: str, failing):
    failing(OSError(number, os.strerror(number)))
    assert CliRunner().invoke(main, ["fail"]).stderr == (
        f"error: {words}\nhint: Free space on the disk, then run the same command again.\n"
    )


def test_the_cause_is_reported_if_the_disk_is_full_while_a_run_closes(failing):
    error = OSError(errno.ENOSPC, "No space left on device")
    error.__context__ = StoreError("the ledger in ./runs cannot be written: no space is left")
    failing(error)
    assert CliRunner().invoke(main, ["fail"]).stderr == (
        "error: the ledger in ./runs cannot be written: no space is left\n"
    )


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_debug_shows_the_traceback_of_an_error(how: str, failing):
    error = UserError("no run there")
    failing(error)
    if how == "flag":
        result = CliRunner().invoke(main, ["--debug", "fail"])
    else:
        result = CliRunner().invoke(main, ["fail"], env={"FEDTRAIN_DEBUG": "1"})
    assert result.exception is error


def test_a_bug_keeps_its_traceback(failing):
    bug = KeyError("x")
    failing(bug)
    assert CliRunner().invoke(main, ["fail"]).exception is bug


def test_a_package_that_is_not_installed_says_what_to_install():
    said = explain(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert said is not None
    assert "pip install 'fedtrain[local]'" in said


def test_an_invalid_file_lists_its_errors():
    error = FieldError(file="f.yaml", line=1, column=2, path=("spec",), value=3, message="It is 3.", fix="Write 4.")
    assert explain(Invalid([error])) == "f.yaml:1:2: spec: It is 3. Write 4.\n1 error in f.yaml."


def test_the_console_script_runs():
    script = Path(sys.executable).with_name("fedtrain")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fedtrain, version {__version__}\n"


def test_a_word_for_a_number_of_steps_says_which_numbers_are_valid() -> None:
    result = CliRunner().invoke(main, ["baseline", "federation.yaml", "--personalise", "x"])
    assert result.exit_code == 2
    assert "'x' is out of range or not a number. Use a whole number of 1 or more." in result.stderr
