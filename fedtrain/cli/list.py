"""`fedtrain list [PLACE]`: the runs in a folder or a bucket."""

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from fedtrain.cli.run_argument import RUN
from fedtrain.cli.wrapping import aside
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.results.run_list import RunLine
    from fedtrain.results.tables import Table


@click.command()
@click.argument("place", type=RUN, required=False)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Output format.")
@click.option("--all", "every", is_flag=True, help="Show the runs of `fedtrain baseline` too.")
def command(place: str | None, output: str, every: bool) -> None:
    """List the runs below PLACE, a folder or s3://bucket/prefix, or in the store of a federation file [default: runs,
    or */runs]: phase, rounds, the hub's first metric from the base model to the newest round, and when a round was
    recorded last.

    Runs that `fedtrain baseline` added to compare another one with are only counted; --all shows them. -o json has all.
    """
    from fedtrain.contracts.as_json import as_json
    from fedtrain.plurals import several
    from fedtrain.results.run_list import DEFAULT, list_runs
    from fedtrain.results.tables import show

    found = list_runs(DEFAULT if place is None else place)
    if output == "json":
        click.echo(json.dumps(as_json(found), indent=2))
    elif not found.runs:
        click.echo(_no_runs(place), err=True)
    else:
        shown = tuple(line for line in found.runs if every or line.arm_of is None)
        show([table(shown)], terminal=sys.stdout.isatty())
        if hidden := len(found.runs) - len(shown):
            click.echo(f"\nnot shown: {several(hidden, 'run')} of `fedtrain baseline` (see --all)")
        for problem in (line.problem for line in found.runs if line.problem is not None):
            aside(f"warning: {problem}")


def _no_runs(place: str | None) -> str:
    from fedtrain.results.run_list import DEFAULT, NEARBY, is_federation

    if place is not None and is_federation(place):
        return f"no runs in the store of {place}. `fedtrain run {quoted(place)}` starts one."
    start = "`fedtrain run federation.yaml` starts one."
    if place is not None:
        return f"no runs below {place}. {start}"
    return f"no runs below {DEFAULT} or {NEARBY}. If they are elsewhere, name a folder or a federation file. {start}"


def table(lines: "tuple[RunLine, ...]") -> "Table":
    """Return a row for each run."""
    from fedtrain.api.places import short_path
    from fedtrain.results.tables import Table, legend

    rows: list[tuple[str, ...]] = []
    for line in lines:
        run = short_path(line.run)
        if line.problem is not None:
            rows.append((run, "Unreadable", "–", "–", "–"))
        else:
            rows.append((run, line.phase, f"{line.rounds_done}/{line.rounds_of}", _gain(line), _when(line.changed)))
    meanings = {
        "metric": "before training → after the newest round",
        "changed": "when a round was recorded last",
    }
    head = ("run", "phase", "rounds", "metric", "changed")
    return Table("runs", head, tuple(rows), left=5, legend=legend(meanings))


def _gain(line: "RunLine") -> str:
    measure = line.measure
    if measure is None or (line.base is None and line.metric is None):
        return "–"
    where = f" ({line.measured_on})" if line.measured_on else ""
    return f"{measure.name}{where} {measure.text(line.base)} → {measure.text(line.metric)}"


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    when, now = datetime.fromtimestamp(seconds), datetime.now()
    if when.date() == now.date():
        return f"{when:%H:%M}"
    return f"{when:%b %d %H:%M}" if when.year == now.year else f"{when:%Y-%m-%d}"
