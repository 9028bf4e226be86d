"""The `fedtrain` command: finds a subcommand, runs it and prints its errors in plain words."""

import importlib
import os
import sys
from io import TextIOWrapper
from typing import Any

import click
from click.shell_completion import CompletionItem

from fedtrain import __version__
from fedtrain.cli.commands import COMMANDS
from fedtrain.cli.errors import explain


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from fedtrain.cli.usage import unknown_command  # `--help` does not need it

            ctx.fail(unknown_command(args[0]))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands without importing them."""
        names = ((name, entry.help) for name, entry in COMMANDS.items() if name.startswith(incomplete))
        options = [] if not incomplete.startswith("-") else click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=text) for name, text in names), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line. Output that cannot be written fails outside of `invoke`, too: that of --help."""
        _open_closed_outputs()
        output: object = sys.stdout
        if isinstance(output, TextIOWrapper):  # of another encoding than UTF-8; names of files may have no encoding
            output.reconfigure(errors="backslashreplace")
        try:
            return super().main(*args, **settings)
        except OSError as error:
            click.echo(explain(error), err=True)
            _drop_output()
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            from fedtrain.cli.usage import explained  # `--help` does not need it

            raise explained(error) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends silently if the reader of a pipe has gone
        except KeyboardInterrupt:
            click.echo("\nstopped.", err=True)
            ctx.exit(130)
        except Exception as error:
            message = None if ctx.params["debug"] else explain(error)
            if message is None:
                raise
            click.echo(message, err=True)
            _drop_output()
            ctx.exit(1)


def _open_closed_outputs() -> None:
    """Python has no `sys.stdout` if the caller has closed the descriptor (`>&-`)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _drop_output() -> None:
    """Drop output that cannot be written: Python would try again at its end, and print a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fedtrain")
@click.option("--debug", is_flag=True, envvar="FEDTRAIN_DEBUG", help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Fine-tune a language model across organisations that keep their data.

    One file describes the federation: `fedtrain init` writes one, `fedtrain run` runs it on this machine.
    """
