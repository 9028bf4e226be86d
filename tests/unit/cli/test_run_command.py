"""`fedtrain run` before the run begins."""

import pytest
from click.testing import CliRunner

from fedtrain.cli import progress
from fedtrain.cli.main import main

ERASED = "\r\x1b[K"


@pytest.mark.parametrize(("option", "first"), [((), f"reading a.yaml{ERASED}"), (("--plain",), ""), (("--json",), "")])
def test_a_terminal_shows_what_is_read_until_the_view_of_the_run_begins(
    monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], first: str
) -> None:
    monkeypatch.setattr(progress, "is_terminal", lambda plain: not plain)
    result = CliRunner().invoke(main, ["run", "a.yaml", *option])
    assert result.exit_code == 1
    assert result.stdout == first
    assert "a.yaml" in result.stderr
