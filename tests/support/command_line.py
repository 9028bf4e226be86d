"""Runs `fedtrain` in the test's process."""

from pathlib import Path

from click.testing import CliRunner, Result

from fedtrain.cli.main import main


def fedtrain(*arguments: str | Path, given: str | None = None) -> Result:
    """`given`: what the user types."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)
