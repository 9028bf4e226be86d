"""`fedtrain list [PLACE]`: the runs in a folder or a bucket."""

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from fedtrain.cli.run_argument import RUN

if TYPE_CHECKING:
    from fedtrain.results.run_list import RunLine
    from fedtrain.results.tables import Table


@click.command()
@click.argument("place", type=RUN, default="runs")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def command(place: str, output: str) -> None:
    """List the runs below PLACE, a folder or s3://bucket/prefix [default: runs]: phase, rounds, the hub's first metric
    from the base model to the newest round, and when a round was recorded last."""
    from fedtrain.contracts.as_json import as_json
    from fedtrain.results.run_list import list_runs
    from fedtrain.results.tables import show

    found = list_runs(place)
    if output == "json":
        click.echo(json.dumps(as_json(found), indent=2))
    elif not found.runs:
        click.echo(f"no runs below {place}. `fedtrain run federation.yaml` starts one.", err=True)
    else:
        show([_table(found.runs)], terminal=sys.stdout.isatty())
        for problem in (line.problem for line in found.runs if line.problem is not None):
            click.echo(f"warning: {problem}", err=True)


def _table(lines: "tuple[RunLine, ...]") -> "Table":
    from fedtrain.results.tables import Table
    from fedtrain.results.words import short_path

    rows: list[tuple[str, ...]] = []
    for line in lines:
        run = short_path(line.run)
        if line.problem is not None:
            rows.append((run, "Unreadable", "–", "–", "–"))
        else:
            rows.append((run, line.phase, f"{line.rounds_done}/{line.rounds_of}", _gain(line), _when(line.changed)))
    return Table("runs", ("run", "phase", "rounds", "metric", "changed"), tuple(rows), left=5)


def _gain(line: "RunLine") -> str:
    measure = line.measure
    if measure is None or (line.base is None and line.metric is None):
        return "–"
    return f"{measure.name} {measure.text(line.base)} → {measure.text(line.metric)}"


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    when, now = datetime.fromtimestamp(seconds), datetime.now()
    if when.date() == now.date():
        return f"{when:%H:%M}"
    return f"{when:%b %d %H:%M}" if when.year == now.year else f"{when:%Y-%m-%d}"
