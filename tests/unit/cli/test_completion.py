"""Completion of commands and options."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from fedtrain.api.storage import File, Storage
from fedtrain.cli.main import main
from fedtrain.ledger.open import open_ledger
from tests.support.ledger_by_hand import Hand

PROGRAM = "from fedtrain.cli.main import main\nmain(prog_name='fedtrain')"


def completed(words: str) -> list[str]:
    """What bash would show for these words, the last one incomplete."""
    environment = {
        "_FEDTRAIN_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_calls_fedtrain(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_FEDTRAIN_COMPLETE={shell}_complete" in result.stdout


def test_commands_and_options_are_completed() -> None:
    assert completed("fedtrain exp") == ["export"]
    assert completed("fedtrain export --me") == ["--merged"]


def test_participants_of_a_run_are_completed(tmp_path: Path) -> None:
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(tmp_path))), "default", "quickstart"))
    hand.begin()
    completion = ShellComplete(main, {}, "fedtrain", "_FEDTRAIN_COMPLETE")
    words = ["logs", str(tmp_path / "default/quickstart")]
    assert [found.value for found in completion.get_completions(words, "")] == ["museum", "observatory", "zoo", "hub"]
    assert [found.value for found in completion.get_completions(words, "z")] == ["zoo"]
    assert completion.get_completions(["logs", str(tmp_path)], "") == []


def test_runs_and_data_are_completed_as_files() -> None:
    completion = ShellComplete(main, {}, "fedtrain", "_FEDTRAIN_COMPLETE")
    for command in ("status", "compare", "list", "ledger verify", "convert", "try", "run"):
        (found,) = completion.get_completions([*command.split()], "runs/d")
        assert (found.type, found.value) == ("file", "runs/d"), command
