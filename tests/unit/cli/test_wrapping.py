import sys

import pytest

from fedtrain.cli.wrapping import say

LINE = "base model: llama, 1,187,968 parameters, in /a/path/that/is/longer/than/the/width/of/this/terminal"


def test_a_terminal_gets_whole_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    say(LINE, indent=2)
    assert capsys.readouterr().out.splitlines() == [
        "base model: llama, 1,187,968",
        "  parameters, in",
        "  /a/path/that/is/longer/than/the/width/of/this/terminal",
    ]


def test_a_pipe_gets_the_line_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    say(LINE, indent=2)
    assert capsys.readouterr().out == f"{LINE}\n"
