"""Groups of subcommands, whose help shows whole sentences about them."""

import click

_ANY_LENGTH = 1000


class Subcommands(click.Group):
    """click cuts the sentence about a subcommand at the width of the terminal."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(_ANY_LENGTH)) for name, one in found if one is not None])
