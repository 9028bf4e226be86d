"""`fedtrain status RUN`: progress and metrics of a run."""

import json
import sys

import click


@click.command()
@click.argument("run")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def command(run: str, output: str) -> None:
    """Show the rounds, participants and metrics of RUN.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.results.as_json import as_json
    from fedtrain.results.locate import locate
    from fedtrain.results.status import first_lines, tables
    from fedtrain.results.summary import summarise
    from fedtrain.results.tables import show

    summary = summarise(locate(run).ledger)
    if output == "json":
        click.echo(json.dumps(as_json(summary), indent=2))
        return
    click.echo("\n".join(first_lines(summary)) + "\n")
    show(tables(summary), terminal=sys.stdout.isatty())
