"""`fedtrain run` before the run begins, and after it has failed."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli import progress
from fedtrain.cli.main import main
from fedtrain.cli.run import ways_out

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


def test_a_run_that_failed_after_round_0_has_two_ways_out() -> None:
    assert "init --from" not in ways_out(0, Path("a.yaml")), "a corrected file continues"
    assert "`fedtrain run 'a b.yaml'` to resume at round 2" in ways_out(2, Path("a b.yaml"))
    assert "`fedtrain init --from 'a b.yaml'`" in ways_out(2, Path("a b.yaml"))


def test_resuming_is_not_proposed_for_quarantined_updates() -> None:
    """The same settings give the same updates."""
    said = ways_out(1, Path("a.yaml"), "BelowMinimum", "round 1 can have 0: a: quarantined: its norm is 9, beyond 1")
    assert "resume" not in said
    assert "`fedtrain init --from a.yaml`" in said
    assert "raise `aggregation.maxUpdateNorm`" in said


def test_a_run_whose_budget_is_exhausted_keeps_its_adapter_and_cannot_be_resumed() -> None:
    said = ways_out(4, Path("a b.yaml"), "BudgetExhausted")
    assert "Fix the cause" not in said
    assert said.startswith("The adapter of round 3 is kept: `fedtrain export 'a b.yaml'` writes it.")
    assert "its epsilon adds to the one that this run has spent" in said
