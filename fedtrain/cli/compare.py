"""`fedtrain compare RUN RUN...`: runs beside each other."""

import json
import sys
from pathlib import Path

import click

from fedtrain.cli.run_argument import RUN
from fedtrain.cli.wrapping import aside


@click.command()
@click.argument("runs", metavar="RUN RUN...", type=RUN, nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), help="HTML file to write [default: comparison.html].")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def command(runs: tuple[str, ...], out: Path | None, output: str) -> None:
    """Compare runs: results, the fields of their files that differ, and overlaid charts in one HTML file.

    With -o json, the HTML file is written only with --out. RUN is the folder of a run (runs/default/quickstart), its
    federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.api.places import short_path
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.page_option import check_page
    from fedtrain.contracts.as_json import as_json
    from fedtrain.ledger.store import LedgerCorrupt
    from fedtrain.results.folders import is_page, write_file
    from fedtrain.results.locate import locate
    from fedtrain.results.measured_arms import measured_arms, possible_federated
    from fedtrain.results.run_comparison.compared import compare_runs, tables
    from fedtrain.results.run_summary import RunSummary
    from fedtrain.results.summary import summarise
    from fedtrain.results.tables import show

    check_page(out, "comparison.html")
    if len(runs) < 2:
        raise click.UsageError("Name at least two runs. `fedtrain list` shows them.")
    ledgers = [(run, locate(run).ledger) for run in runs]
    named: dict[str, str] = {}
    for run, ledger in ledgers:
        if (other := named.setdefault(ledger.url, run)) is not run:
            problem = f"{other} and {run} are the same run" if other != run else f"{run} is named twice"
            raise UserError(problem, "Name another run. `fedtrain list` shows them.")
    summaries: list[RunSummary] = []
    for run, ledger in ledgers:
        try:
            summaries.append(summarise(ledger))
        except LedgerCorrupt as error:
            aside(f"warning: left out {run}: {error}")
    if len(summaries) < 2:
        raise UserError("fewer than two runs can be read", "Name more runs. `fedtrain list` shows them.")
    candidates = {one.url: one for _, ledger in ledgers for one in (ledger, *possible_federated(ledger))}
    arms = {url: arm for one in candidates.values() for url, arm in measured_arms(one).items()}
    compared = compare_runs(summaries, arms)
    if output == "json":
        click.echo(json.dumps(as_json(compared), indent=2))
    else:
        show(tables(compared, summaries, arms), terminal=sys.stdout.isatty())
    if output == "json" and out is None:
        return
    from fedtrain.results.run_comparison.page import page

    file = out or Path("comparison.html")
    replaced = file.exists()
    target = write_file(file, page(summaries, arms).encode(), is_page)
    click.echo(f"\ncharts: {short_path(str(target))}{' (replaced)' if replaced else ''}", err=output == "json")
