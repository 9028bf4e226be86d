"""The commands that come next, at the end of a command's output: each on one line, to be copied."""

import click


def show_next(*commands: tuple[str, str]) -> None:
    """Print commands and what each does."""
    click.echo("\nnext:")
    for command, purpose in commands:
        click.echo(f"  {command}\n      {purpose}")
