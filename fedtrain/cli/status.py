"""`fedtrain status RUN`: progress and metrics of a run."""

import json
import sys

import click

from fedtrain.cli.run_argument import RUN
from fedtrain.cli.wrapping import say


@click.command()
@click.argument("run", type=RUN)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Output format.")
@click.option("--samples", is_flag=True, help="Show the answers that were generated for the hub's prompts.")
def command(run: str, output: str, samples: bool) -> None:
    """Show the rounds, participants and metrics of RUN.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.contracts.as_json import as_json
    from fedtrain.results.locate import locate
    from fedtrain.results.samples import INDENT, as_text, read_samples
    from fedtrain.results.status import first_lines, rollback_lines, tables
    from fedtrain.results.summary import summarise
    from fedtrain.results.tables import show

    ledger = locate(run).ledger
    summary = summarise(ledger)
    if samples:
        found = read_samples(ledger, summary)
        none = "No answers were generated. Set `evaluation.hub.samples` for the next run."
        if output == "json":
            click.echo(json.dumps(as_json(found), indent=2))
        else:
            for line in (as_text(found, summary.spec) or none).splitlines():
                say(line, indent=INDENT if found else 0)
        return
    if output == "json":
        click.echo(json.dumps(as_json(summary), indent=2))
        return
    for line in first_lines(summary):
        say(line, indent=2)
    click.echo()
    show(tables(summary), terminal=sys.stdout.isatty())
    for number, line in enumerate(rollback_lines(summary)):
        if number == 0:
            click.echo()
        say(line, indent=2)
