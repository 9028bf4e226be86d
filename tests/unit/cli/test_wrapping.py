import sys

import pytest

from fedtrain.cli.wrapping import aside, say

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


def test_warnings_are_wrapped_at_words_and_commands_in_backticks_stay_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    aside(
        "warning: rows are repeated.  Remove them with `fedtrain convert --drop-repeated a.csv`, then go.\n  next line"
    )
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "warning: rows are repeated.",
        "Remove them with",
        "`fedtrain convert --drop-repeated a.csv`,",
        "then go.",
        "  next line",
    ]


def test_blanks_that_align_words_are_kept(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    say("ok       CPU: 2 cores")
    say("")
    assert capsys.readouterr().out == "ok       CPU: 2 cores\n\n"
