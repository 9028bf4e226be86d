"""Suggested commands can be copied from a narrow terminal: no line break is within one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.cli.next_commands import show_next

ROWS = [{"prompt": f"q{number}:", "completion": " a" if number % 2 else " b"} for number in range(300)]


@pytest.mark.parametrize(
    ("command", "suggested"),
    [
        (
            ("convert", "rows.jsonl", "-o", "out.jsonl", "--to", "PromptCompletion"),
            "fedtrain split out.jsonl --participants 4 --label completion --test-fraction 0.1 --base BASE "
            "--out my-federation",
        ),
        (
            ("split", "rows.jsonl", "--participants", "2", "--out", "a-long-name"),
            "fedtrain run a-long-name/federation.yaml",
        ),
        (("init", "a-long-name"), "fedtrain run a-long-name/federation.yaml"),
    ],
)
def test_suggested_commands_are_not_wrapped(
    command: tuple[str, ...], suggested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(
        "fedtrain.cli.wrapping.sys", type("Terminal", (), {"stdout": _Terminal(), "stderr": _Terminal()})
    )
    Path("rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    shown = CliRunner().invoke(main, list(command)).output.splitlines()
    assert f"  {suggested}" in shown[shown.index("next:") :]


class _Terminal:
    def isatty(self) -> bool:
        return True


def test_each_command_has_a_line_and_its_purpose_another(capsys: pytest.CaptureFixture[str]) -> None:
    show_next(("fedtrain plan a", "what it does"), ("fedtrain run a", "runs it"))
    assert capsys.readouterr().out == (
        "\nnext:\n  fedtrain plan a\n      what it does\n  fedtrain run a\n      runs it\n"
    )
